-- The lines of deleted changes and rows whose device was not associated, and that are billed: nobody retries such a row.
-- Safe to run twice: reads only.
SELECT
    m.ICCID AS iccid,
    i.RevServiceId AS service_id,
    i.IntegrationAuthenticationId AS account_id,
    c.TenantId AS tenant_id,
    c.id AS bulk_change_id
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN dbo.RevService AS l
    ON i.RevServiceId = l.RevServiceId AND i.IntegrationAuthenticationId = l.IntegrationAuthenticationId
WHERE
    i.State IN ('CREATED', 'ADOPTED')
    AND m.IsProcessed = 1
    AND m.Status <> 'PROCESSED'
    AND (c.IsDeleted = 1 OR m.IsDeleted = 1)
    AND l.IsDeleted = 0
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    AND NOT EXISTS (
        SELECT 1 FROM dbo.Device_Tenant AS x
        WHERE x.DeviceId = m.DeviceId AND x.TenantId = c.TenantId AND x.RevServiceId = l.id AND x.IsDeleted = 0
    )
ORDER BY m.id
