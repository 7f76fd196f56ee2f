-- How many calls a minute an account may make; no row: no limit is kept.
-- Safe to run twice: reads only.
SELECT b.CallsPerMinute AS calls_per_minute
FROM device_association.call_budget AS b
WHERE b.ConnectionId = :connection_id
