-- The rows that ended without knowing their line, or its end, which came to be known since, and that were not tried again for it
-- yet. Their change has ended and was not taken back; nobody else holds their device.
-- Safe to run twice: reads only.
SELECT m.BulkChangeId AS bulk_change_id, m.id AS row_id, i.id AS intent_id
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.line_intent AS i ON m.id = i.M2MDeviceChangeId
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
WHERE
    i.State IN ('CREATED', 'ADOPTED', 'ENDED')
    AND i.TriedAgainDate IS NULL
    AND m.Status IN ('API_FAILED', 'ERROR')
    AND (m.ErrorCode = 'REV_OUTCOME_UNKNOWN' OR i.ModifiedDate > m.ProcessedDate)
    AND m.IsDeleted = 0
    AND c.IsDeleted = 0
    AND c.Status NOT IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
    AND NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.RevertedChangeId = c.id)
    AND NOT EXISTS (
        SELECT 1 FROM device_association.device_lock AS h WHERE h.TenantId = c.TenantId AND h.DeviceId = m.DeviceId
    )
ORDER BY m.BulkChangeId, m.id
