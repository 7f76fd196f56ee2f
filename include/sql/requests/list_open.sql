-- The changes that wait for an answer, the longest waiting first.
-- Safe to run twice: reads only.
SELECT
    a.BulkChangeId AS bulk_change_id,
    a.AskedDate AS asked,
    a.ExpiresDate AS expires,
    a.RunId AS run_id
FROM device_association.approval AS a
INNER JOIN dbo.DeviceBulkChange AS c ON a.BulkChangeId = c.id
WHERE a.Answer IS NULL AND c.Status = 'PENDING_APPROVAL' AND c.IsDeleted = 0
ORDER BY a.AskedDate, a.BulkChangeId
