-- How many calls a minute the Rev.io accounts may make of which a change wants lines, or whose lines it ends;
-- null where it wants none.
-- Safe to run twice: reads only.
SELECT MIN(COALESCE(b.CallsPerMinute, :usual_rate)) AS calls_per_minute
FROM device_association.request_terms AS q
INNER JOIN dbo.RevCustomer AS k ON q.RevCustomerId = k.id
INNER JOIN dbo.Integration_Authentication AS a ON k.IntegrationAuthenticationId = a.id
LEFT JOIN device_association.call_budget AS b ON a.ConnectionId = b.ConnectionId
LEFT JOIN device_association.reversal AS x ON q.BulkChangeId = x.BulkChangeId
WHERE q.BulkChangeId = :bulk_change_id AND (q.CreateRevService = 1 OR x.BulkChangeId IS NOT NULL)
