-- Our changes that were deleted, or that another program has ended, and that still hold something: a claim, a device, a planned
-- call, or a row that is open. All, or the one that is named.
-- Safe to run twice: reads only.
SELECT
    w.BulkChangeId AS bulk_change_id,
    COALESCE(s.RetryNumber, 0) AS retry_number,
    s.ClaimRunId AS claim_run_id,
    CASE WHEN c.IsDeleted = 0 THEN 0 ELSE 1 END AS is_deleted,
    c.TenantId AS tenant_id,
    t.Name AS tenant_name
FROM (
    SELECT h.BulkChangeId FROM device_association.device_lock AS h
    WHERE h.BulkChangeId > 0
    UNION
    SELECT x.BulkChangeId FROM device_association.change_state AS x
    WHERE x.ClaimRunId IS NOT NULL
    UNION
    SELECT i.BulkChangeId FROM device_association.line_intent AS i
    WHERE i.State = 'PLANNED'
    UNION
    SELECT d.id AS BulkChangeId
    FROM dbo.DeviceBulkChange AS d
    INNER JOIN device_association.change_state AS x ON d.id = x.BulkChangeId
    WHERE d.IsDeleted = 1 AND d.ChangeRequestTypeId = 4 AND d.Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
) AS w
LEFT JOIN device_association.change_state AS s ON w.BulkChangeId = s.BulkChangeId
LEFT JOIN dbo.DeviceBulkChange AS c ON w.BulkChangeId = c.id
LEFT JOIN dbo.Tenant AS t ON c.TenantId = t.id
WHERE
    (c.id IS NULL OR c.IsDeleted = 1 OR c.Status NOT IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL'))
    AND w.BulkChangeId = COALESCE(:bulk_change_id, w.BulkChangeId)
ORDER BY w.BulkChangeId
