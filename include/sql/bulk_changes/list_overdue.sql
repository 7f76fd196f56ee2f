-- The open changes whose deadline has passed, and for how many seconds since its plan each one's account was paused.
-- Safe to run twice: reads only.
SELECT
    c.id AS bulk_change_id,
    c.TenantId AS tenant_id,
    s.ClaimRunId AS claim_run_id,
    s.DeadlineDate AS deadline,
    COALESCE(b.PausedSeconds - s.PausedSeconds, 0) AS paused_seconds
FROM dbo.DeviceBulkChange AS c
INNER JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
LEFT JOIN device_association.call_budget AS b ON s.ConnectionId = b.ConnectionId
WHERE c.ChangeRequestTypeId = 4 AND c.IsDeleted = 0 AND c.Status IN ('NEW', 'PROCESSING') AND s.DeadlineDate < :now
