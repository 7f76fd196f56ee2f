-- How many lines a revert is to end for its open rows, and how many calls a minute the slowest of their accounts may make.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS lines, COALESCE(MIN(COALESCE(b.CallsPerMinute, :usual_rate)), :usual_rate) AS calls_per_minute
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
INNER JOIN device_association.line_intent AS f ON r.LineIntentId = f.id AND f.State = 'CREATED'
INNER JOIN dbo.Integration_Authentication AS a ON f.IntegrationAuthenticationId = a.id
LEFT JOIN device_association.call_budget AS b ON a.ConnectionId = b.ConnectionId
WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0
