-- A page of the customers of a tenant that the user may use, by name, from behind one, by a part of the name or the number.
-- Safe to run twice: reads only.
SELECT
    c.id AS customer_id,
    c.RevCustomerId AS number,
    c.CustomerName AS name,
    c.Status AS status,
    c.CloseDate AS close_date,
    c.IntegrationAuthenticationId AS account_id,
    s.id AS site_id
FROM dbo.RevCustomer AS c
LEFT JOIN dbo.Site AS s ON c.id = s.RevCustomerId AND c.TenantId = s.TenantId AND s.IsActive = 1 AND s.IsDeleted = 0
LEFT JOIN dbo.RevCustomer AS last_seen ON last_seen.id = :after AND last_seen.TenantId = :tenant_id
WHERE
    c.TenantId = :tenant_id
    AND c.IsDeleted = 0
    AND (:pattern IS NULL OR UPPER(c.CustomerName) LIKE :pattern ESCAPE '!' OR UPPER(c.RevCustomerId) LIKE :pattern ESCAPE '!')
    AND (
        last_seen.id IS NULL
        OR c.CustomerName > last_seen.CustomerName
        OR (c.CustomerName = last_seen.CustomerName AND c.id > last_seen.id)
    )
    AND (
        NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = :user_id)
        OR EXISTS (
            SELECT 1 FROM dbo.PortalUserRevCustomer AS r
            WHERE r.UserId = :user_id AND r.RevCustomerId = c.id AND r.IsActive = 1 AND r.IsDeleted = 0
        )
    )
ORDER BY c.CustomerName, c.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
