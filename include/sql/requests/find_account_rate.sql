-- How many calls a minute a Rev.io account may make; null while nobody has called it.
-- Safe to run twice: reads only.
SELECT b.CallsPerMinute AS calls_per_minute
FROM dbo.Integration_Authentication AS a
LEFT JOIN device_association.call_budget AS b ON a.ConnectionId = b.ConnectionId
WHERE a.id = :account_id
