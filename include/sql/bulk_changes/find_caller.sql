-- The portal user of a sign-in name with the rights on module M2M.
-- Safe to run twice: reads only.
SELECT
    u.id AS user_id,
    u.UserName AS user_name,
    u.TenantId AS tenant_id,
    t.ParentTenantId AS parent_tenant_id,
    t.Name AS tenant_name,
    t.TimeZone AS time_zone,
    COALESCE(p.CanAccess, 0) AS can_access,
    COALESCE(p.CanCreate, 0) AS can_create,
    COALESCE(p.CanEdit, 0) AS can_edit,
    CASE
        WHEN EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id) THEN 1 ELSE 0
    END AS has_customer_list
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS t ON u.TenantId = t.id
LEFT JOIN dbo.PortalUserPermission AS p ON u.id = p.UserId AND p.Module = 'M2M' AND p.IsActive = 1 AND p.IsDeleted = 0
WHERE u.UserName = :user_name AND u.IsActive = 1 AND u.IsDeleted = 0
