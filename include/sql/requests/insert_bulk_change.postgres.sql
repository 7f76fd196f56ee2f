-- Creates a bulk change and returns its id.
-- A second run makes a second change: the caller's unique key (change_state.RunKey) refuses it in the same transaction.
INSERT INTO dbo.DeviceBulkChange (
    ChangeRequestTypeId, ServiceProviderId, TenantId, SiteId, Status, CreatedBy, CreatedDate, IsActive, IsDeleted
)
VALUES (:change_request_type_id, :service_provider_id, :tenant_id, :site_id, :status, :actor, :now, 1, 0)
RETURNING id
