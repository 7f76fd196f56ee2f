-- One bulk change with our state of it; a change that we have never seen has retry number 0, no claim and no actor.
-- Safe to run twice: reads only.
SELECT
    c.id AS bulk_change_id,
    c.ChangeRequestTypeId AS change_request_type_id,
    c.Status AS status,
    c.TenantId AS tenant_id,
    c.ServiceProviderId AS service_provider_id,
    c.CreatedBy AS created_by,
    t.Name AS tenant_name,
    t.TimeZone AS time_zone,
    COALESCE(s.RetryNumber, 0) AS retry_number,
    s.ClaimRunId AS claim_run_id,
    s.Actor AS actor
FROM dbo.DeviceBulkChange AS c
INNER JOIN dbo.Tenant AS t ON c.TenantId = t.id
LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
WHERE c.id = :bulk_change_id AND c.IsDeleted = 0
