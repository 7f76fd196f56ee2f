-- The ended changes whose last retry associated devices, but lacks one of the two final procedures.
-- Safe to run twice: reads only.
SELECT c.id AS bulk_change_id, c.TenantId AS tenant_id, s.RetryNumber AS retry_number, s.Actor AS actor
FROM dbo.DeviceBulkChange AS c
INNER JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
WHERE
    c.ChangeRequestTypeId = 4
    AND c.IsDeleted = 0
    AND c.Status IN ('PROCESSED', 'PARTIALLY_PROCESSED', 'CANCELED')
    AND c.ProcessedDate >= :ended_since
    AND EXISTS (
        SELECT 1 FROM device_association.change_step AS a
        WHERE a.BulkChangeId = c.id AND a.RetryNumber = s.RetryNumber AND a.Step = :association_step
    )
    AND (
        NOT EXISTS (
            SELECT 1 FROM device_association.change_step AS a
            WHERE a.BulkChangeId = c.id AND a.RetryNumber = s.RetryNumber AND a.Step = :history_step
        )
        OR NOT EXISTS (
            SELECT 1 FROM device_association.change_step AS a
            WHERE a.BulkChangeId = c.id AND a.RetryNumber = s.RetryNumber AND a.Step = :links_step
        )
    )
ORDER BY c.id
