-- The devices that a change associated, with the date each was asked for; no date: the device's own activation date.
-- Safe to run twice: reads only.
SELECT
    m.DeviceId AS device_id,
    c.TenantId AS tenant_id,
    c.ServiceProviderId AS service_provider_id,
    CASE
        WHEN d.EffectiveDate = v.DateActivated THEN NULL
        WHEN d.EffectiveDate > m.ProcessedDate THEN m.ProcessedDate
        ELSE d.EffectiveDate
    END AS effective_date
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN dbo.Device AS v ON m.DeviceId = v.id
WHERE m.BulkChangeId = :bulk_change_id AND m.Status = 'PROCESSED' AND m.DeviceId IS NOT NULL
ORDER BY 4, 1
