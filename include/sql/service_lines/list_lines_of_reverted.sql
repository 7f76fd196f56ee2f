-- The lines that came to be known after their change was taken back: nobody ends them by itself.
-- Safe to run twice: reads only.
SELECT
    m.ICCID AS iccid,
    i.RevServiceId AS service_id,
    i.IntegrationAuthenticationId AS account_id,
    c.TenantId AS tenant_id,
    c.id AS bulk_change_id,
    x.BulkChangeId AS reverted_by
FROM device_association.reversal AS x
INNER JOIN dbo.DeviceBulkChange AS c ON x.RevertedChangeId = c.id
INNER JOIN device_association.line_intent AS i ON c.id = i.BulkChangeId AND i.State IN ('CREATED', 'ADOPTED')
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
INNER JOIN dbo.RevService AS l
    ON i.RevServiceId = l.RevServiceId AND i.IntegrationAuthenticationId = l.IntegrationAuthenticationId
WHERE
    m.Status <> 'PROCESSED'
    AND (m.ErrorCode = 'REV_OUTCOME_UNKNOWN' OR i.ModifiedDate > m.ProcessedDate)
    AND l.IsDeleted = 0
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    AND NOT EXISTS (SELECT 1 FROM device_association.reverted_device AS r WHERE r.LineIntentId = i.id)
ORDER BY m.id
