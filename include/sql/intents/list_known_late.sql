-- The rows that ended without knowing their line, or its end, which is known by now; their change has ended, and was not taken
-- back.
-- Safe to run twice: reads only.
SELECT m.BulkChangeId AS bulk_change_id, m.id AS row_id
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.rev_intent AS i ON m.id = i.M2MDeviceChangeId
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
WHERE
    ((i.State IN ('CREATED', 'ADOPTED') AND i.ReadyDate IS NULL) OR i.State = 'ENDED')
    AND m.Status = 'API_FAILED'
    AND m.ErrorCode = 'REV_OUTCOME_UNKNOWN'
    AND c.Status NOT IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
    AND NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.RevertedChangeId = c.id)
ORDER BY m.BulkChangeId, m.id
