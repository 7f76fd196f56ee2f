-- The steps that a change has had in a retry.
-- Safe to run twice: reads only.
SELECT s.Step AS step, s.StartedDate AS started, s.EndedDate AS ended, s.Counts AS counts
FROM device_association.change_step AS s
WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number
ORDER BY s.StartedDate, s.Step
