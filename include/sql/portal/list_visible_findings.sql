-- A page of the findings that the user may see, newest first, from below an id: those of the user's tenant and its sub-tenants.
-- They name every customer's lines: who has or ever had a list of customers sees none. Safe to run twice: reads only.
SELECT
    f.id AS finding_id,
    f.Kind AS kind,
    f.Subject AS subject,
    f.Detail AS detail,
    f.IsRepaired AS is_repaired,
    f.ICCID AS iccid,
    f.RevServiceId AS line,
    f.BulkChangeId AS bulk_change_id,
    a.Name AS account,
    t.Name AS tenant_name,
    f.FoundDate AS found_date,
    f.SeenDate AS seen_date,
    f.ClosedDate AS closed_date
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS t ON u.TenantId = t.id OR u.TenantId = t.ParentTenantId
INNER JOIN device_association.finding AS f ON t.id = f.TenantId
LEFT JOIN dbo.Integration_Authentication AS a ON f.IntegrationAuthenticationId = a.id
WHERE
    u.id = :user_id
    AND NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id)
    AND f.id < :before
    AND f.Kind = COALESCE(:kind, f.Kind)
    AND (:open_only = 0 OR f.ClosedDate IS NULL)
ORDER BY f.id DESC OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
