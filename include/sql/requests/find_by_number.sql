-- The customers of a tenant with this Rev.io number, one per account, and whether the user may see each.
-- A user who was ever restricted to some customers stays so: taking the last one away opens no other.
-- Safe to run twice: reads only.
SELECT
    c.id AS customer_id,
    c.RevCustomerId AS number,
    c.CustomerName AS name,
    c.Status AS status,
    c.CloseDate AS close_date,
    c.IntegrationAuthenticationId AS account_id,
    s.id AS site_id,
    CASE
        WHEN NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = :user_id) THEN 1
        WHEN EXISTS (
            SELECT 1 FROM dbo.PortalUserRevCustomer AS r
            WHERE r.UserId = :user_id AND r.RevCustomerId = c.id AND r.IsActive = 1 AND r.IsDeleted = 0
        ) THEN 1
        ELSE 0
    END AS is_accessible
FROM dbo.RevCustomer AS c
LEFT JOIN dbo.Site AS s ON c.id = s.RevCustomerId AND c.TenantId = s.TenantId AND s.IsActive = 1 AND s.IsDeleted = 0
WHERE c.TenantId = :tenant_id AND c.IsDeleted = 0 AND c.RevCustomerId = :number
