-- The tenant of a bulk change; no row: it was deleted.
-- Safe to run twice: reads only.
SELECT c.TenantId AS tenant_id
FROM dbo.DeviceBulkChange AS c
WHERE c.id = :bulk_change_id AND c.IsDeleted = 0
