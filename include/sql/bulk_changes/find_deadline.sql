-- Until when a change has to be done, and for how many seconds since its plan its account was paused.
-- Safe to run twice: reads only.
SELECT s.DeadlineDate AS deadline, COALESCE(b.PausedSeconds - s.PausedSeconds, 0) AS paused_seconds
FROM device_association.change_state AS s
LEFT JOIN device_association.call_budget AS b ON s.ConnectionId = b.ConnectionId
WHERE s.BulkChangeId = :bulk_change_id
