-- A page of what happened to a SIM in the user's tenant and its sub-tenants, newest first, from below an entry: who changed
-- what, when and why. Who may use some customers only sees their entries, and not what the SIM had before.
-- Safe to run twice: reads only.
SELECT
    h.id AS history_id,
    h.ChangedField AS changed_field,
    CASE
        WHEN NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = :user_id) THEN h.PreviousValue
    END AS previous_value,
    h.CurrentValue AS current_value,
    h.ChangeEventType AS change_event_type,
    h.DateOfChange AS date_of_change,
    h.ChangedBy AS changed_by,
    h.CustomerAccountName AS customer_name,
    h.CustomerAccountNumber AS customer_number,
    h.BulkChangeId AS bulk_change_id,
    s.Reason AS reason
FROM dbo.DeviceActionHistory AS h
LEFT JOIN device_association.change_state AS s ON h.BulkChangeId = s.BulkChangeId
WHERE
    h.ICCID = :iccid
    AND h.id < :before
    AND h.IsDeleted = 0
    AND h.TenantId IN (SELECT t.id FROM dbo.Tenant AS t WHERE t.id = :tenant_id OR t.ParentTenantId = :tenant_id)
    AND (
        NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = :user_id)
        OR EXISTS (
            SELECT 1
            FROM dbo.PortalUserRevCustomer AS r
            INNER JOIN dbo.RevCustomer AS k ON r.RevCustomerId = k.id
            WHERE
                r.UserId = :user_id
                AND r.IsActive = 1
                AND r.IsDeleted = 0
                AND k.TenantId = h.TenantId
                AND k.RevCustomerId = h.CustomerAccountNumber
        )
    )
ORDER BY h.id DESC OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
