-- Which devices a portal user may see: those of the user's tenant and of its sub-tenants, and the parent's that no customer
-- has; of them, where the user has or ever had a list of customers, those that have none or one of these.
-- Alembic runs this once.
CREATE VIEW device_association.visible_device AS
SELECT
    u.id AS UserId,
    x.id AS DeviceTenantId,
    x.DeviceId AS DeviceId
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS own ON u.TenantId = own.id
INNER JOIN dbo.Tenant AS t ON own.id = t.id OR own.id = t.ParentTenantId OR own.ParentTenantId = t.id
INNER JOIN dbo.Device_Tenant AS x ON t.id = x.TenantId
WHERE
    x.IsDeleted = 0
    AND (x.AccountNumber IS NULL OR t.id = own.id OR t.ParentTenantId = own.id)
    AND (
        x.AccountNumber IS NULL
        OR NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id)
        OR EXISTS (
            SELECT 1
            FROM dbo.PortalUserRevCustomer AS r
            INNER JOIN dbo.RevCustomer AS k ON r.RevCustomerId = k.id
            WHERE
                r.UserId = u.id
                AND r.IsActive = 1
                AND r.IsDeleted = 0
                AND k.RevCustomerId = x.AccountNumber
                AND COALESCE(k.IntegrationAuthenticationId, 0) = COALESCE(x.AccountNumberIntegrationAuthenticationId, 0)
        )
    );
