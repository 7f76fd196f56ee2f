-- The lines that came to be known after their row had ended, and whose device is not associated though the row was tried again,
-- or was canceled: somebody is billed for nothing.
-- Safe to run twice: reads only.
SELECT
    m.ICCID AS iccid,
    m.ErrorCode AS code,
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
    AND m.Status IN ('API_FAILED', 'ERROR', 'CANCELED')
    AND (i.TriedAgainDate IS NOT NULL OR (m.Status = 'CANCELED' AND i.ModifiedDate > m.ProcessedDate))
    AND c.Status NOT IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
    AND m.IsDeleted = 0
    AND c.IsDeleted = 0
    AND l.IsDeleted = 0
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    AND NOT EXISTS (SELECT 1 FROM dbo.Device_Tenant AS t WHERE t.RevServiceId = l.id AND t.IsDeleted = 0)
    AND NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.RevertedChangeId = c.id)
