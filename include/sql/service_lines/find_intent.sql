-- How an intent stands, and whether its row is still open and not deleted.
-- Safe to run twice: reads only.
SELECT
    i.State AS state,
    i.RevServiceId AS service_id,
    CASE WHEN m.IsProcessed = 0 AND m.Status = 'PROCESSING' AND m.IsDeleted = 0 THEN 1 ELSE 0 END AS row_is_open
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
WHERE i.id = :intent_id
