-- The changes that a run of ours has, of which nothing was written since then though their account can be called.
-- Safe to run twice: reads only.
SELECT c.id AS bulk_change_id, s.ClaimRunId AS run_id
FROM dbo.DeviceBulkChange AS c
INNER JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
WHERE
    c.ChangeRequestTypeId = 4
    AND c.IsDeleted = 0
    AND c.Status = 'PROCESSING'
    AND s.ClaimedDate < :quiet_since
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE i.BulkChangeId = c.id AND i.ModifiedDate >= :quiet_since
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.call_budget AS b
        WHERE b.ConnectionId = s.ConnectionId AND (b.PausedUntil > :quiet_since OR b.OpenUntil > :quiet_since)
    )
ORDER BY s.ClaimedDate, c.id OFFSET 0 ROWS FETCH NEXT 20 ROWS ONLY -- noqa: PRS
