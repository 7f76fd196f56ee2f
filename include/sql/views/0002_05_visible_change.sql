-- Which changes a portal user may see: those of the user's tenant and of its sub-tenants, and of them, where the user has or
-- ever had a list of customers, those that are for these customers only.
-- Alembic runs this once.
CREATE VIEW device_association.visible_change AS
SELECT
    u.id AS UserId,
    c.id AS BulkChangeId
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS t ON u.TenantId = t.id OR u.TenantId = t.ParentTenantId
INNER JOIN dbo.DeviceBulkChange AS c ON t.id = c.TenantId
WHERE
    c.IsDeleted = 0
    AND c.ChangeRequestTypeId = 4
    AND (
        NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id)
        OR (
            EXISTS (SELECT 1 FROM device_association.request_terms AS q WHERE q.BulkChangeId = c.id)
            AND NOT EXISTS (
                SELECT 1 FROM device_association.request_terms AS q
                WHERE
                    q.BulkChangeId = c.id
                    AND NOT EXISTS (
                        SELECT 1 FROM dbo.PortalUserRevCustomer AS r
                        WHERE
                            r.UserId = u.id AND r.RevCustomerId = q.RevCustomerId AND r.IsActive = 1 AND r.IsDeleted = 0
                    )
            )
        )
    );
