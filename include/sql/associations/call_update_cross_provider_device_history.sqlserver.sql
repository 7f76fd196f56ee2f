-- Brings the cross-provider history of the given devices up to date from one date on.
-- Safe to run twice: the procedure changes nothing the second time.
EXEC dbo.usp_UpdateCrossProviderDeviceHistory
    @m2mDeviceIds = :m2m_device_ids,
    @mobilityDeviceIds = NULL,
    @portalTypeId = 0,
    @tenantId = :tenant_id,
    @serviceProviderId = :service_provider_id,
    @effectiveDate = :effective_date;
