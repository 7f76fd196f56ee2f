-- Brings the cross-provider history of the given devices up to date from one date on.
-- Safe to run twice: the procedure changes nothing the second time.
CALL dbo.usp_UpdateCrossProviderDeviceHistory(
    :m2m_device_ids, NULL, 0, :tenant_id, :service_provider_id, CAST(:effective_date AS timestamptz)
)
