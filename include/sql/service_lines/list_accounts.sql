-- The Rev.io accounts that have customers of ours, with the connection that holds their credentials.
-- Safe to run twice: reads only.
SELECT a.id AS account_id, a.Name AS name, a.ConnectionId AS connection_id, a.TenantId AS tenant_id
FROM dbo.Integration_Authentication AS a
WHERE
    a.IsActive = 1
    AND a.IsDeleted = 0
    AND a.ConnectionId <> ''
    AND EXISTS (SELECT 1 FROM dbo.RevCustomer AS k WHERE k.IntegrationAuthenticationId = a.id AND k.IsDeleted = 0)
ORDER BY a.id
