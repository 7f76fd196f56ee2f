-- A page of the dead letters that the user may see, newest first, from below an id.
-- Safe to run twice: reads only.
-- Those of the user's changes, those of other programs' changes in the user's tenants, and those of no change for a user of
-- a tenant without a parent; the last two not for a user who has or ever had a list of customers.
SELECT
    d.id AS dead_letter_id,
    d.MessageId AS message_id,
    d.BulkChangeId AS bulk_change_id,
    d.RetryNumber AS retry_number,
    d.Cause AS cause,
    d.Detail AS detail,
    d.State AS state,
    d.Body AS body,
    d.Attributes AS attributes,
    d.SentDate AS sent_date,
    d.FoundDate AS found_date,
    d.SeenDate AS seen_date,
    d.DecidedDate AS decided_date,
    d.DecidedBy AS decided_by
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS own ON u.TenantId = own.id
CROSS JOIN device_association.dead_letter AS d
LEFT JOIN dbo.DeviceBulkChange AS c ON d.BulkChangeId = c.id
LEFT JOIN dbo.Tenant AS t ON c.TenantId = t.id
WHERE
    u.id = :user_id
    AND d.id < :before
    AND d.State = COALESCE(:state, d.State)
    AND (
        EXISTS (
            SELECT 1 FROM device_association.visible_change AS v
            WHERE v.UserId = u.id AND v.BulkChangeId = d.BulkChangeId
        )
        OR (
            NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id)
            AND (
                (c.id IS NULL AND own.ParentTenantId IS NULL)
                OR (c.ChangeRequestTypeId <> 4 AND (t.id = own.id OR t.ParentTenantId = own.id))
            )
        )
    )
ORDER BY d.id DESC OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
