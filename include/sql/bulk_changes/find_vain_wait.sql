-- Whether a change was stopped and its account is paused: waiting for the account would keep it from its end.
-- Safe to run twice: reads only.
SELECT x.Code AS code
FROM device_association.change_stop AS x
INNER JOIN device_association.change_state AS s ON x.BulkChangeId = s.BulkChangeId AND x.RetryNumber = s.RetryNumber
INNER JOIN device_association.call_budget AS b ON s.ConnectionId = b.ConnectionId
WHERE
    x.BulkChangeId = :bulk_change_id
    AND x.RetryNumber = :retry_number
    AND (b.PausedUntil > :now OR b.OpenUntil > :now)
