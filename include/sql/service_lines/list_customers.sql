-- The customers for whom a change still wants lines, each with its account.
-- Safe to run twice: reads only.
SELECT DISTINCT
    c.id AS customer_id,
    c.RevCustomerId AS number,
    c.IntegrationAuthenticationId AS account_id,
    a.ConnectionId AS connection_id,
    a.TenantId AS tenant_id
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN dbo.RevCustomer AS c ON t.RevCustomerId = c.id
INNER JOIN dbo.Integration_Authentication AS a ON c.IntegrationAuthenticationId = a.id
WHERE m.BulkChangeId = :bulk_change_id AND m.Status = 'PROCESSING' AND m.IsProcessed = 0 AND t.CreateRevService = 1
