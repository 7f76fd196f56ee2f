-- The checked rows of a change that want a line, in the order in which slices are cut.
-- Safe to run twice: reads only.
SELECT i.M2MDeviceChangeId AS row_id
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
WHERE
    i.BulkChangeId = :bulk_change_id
    AND m.IsProcessed = 0
    AND m.Status = 'PROCESSING'
    AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED')
    AND i.ReadyDate IS NULL
ORDER BY i.M2MDeviceChangeId
