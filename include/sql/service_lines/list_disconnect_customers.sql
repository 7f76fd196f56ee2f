-- The customers of whom a revert still has lines to end, each with its account.
-- Safe to run twice: reads only.
SELECT DISTINCT
    c.id AS customer_id,
    c.RevCustomerId AS number,
    f.IntegrationAuthenticationId AS account_id,
    a.ConnectionId AS connection_id,
    a.TenantId AS tenant_id
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
INNER JOIN device_association.line_intent AS f ON r.LineIntentId = f.id
INNER JOIN dbo.RevCustomer AS c ON f.RevCustomerId = c.id
INNER JOIN dbo.Integration_Authentication AS a ON f.IntegrationAuthenticationId = a.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE i.M2MDeviceChangeId = m.id AND i.ReadyDate IS NOT NULL
    )
