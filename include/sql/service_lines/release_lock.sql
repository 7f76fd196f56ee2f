-- Gives back the device of one final row.
-- Safe to run twice: there is nothing left to give back.
DELETE FROM device_association.device_lock
WHERE
    M2MDeviceChangeId = :row_id
    AND EXISTS (SELECT 1 FROM dbo.M2M_DeviceChange AS m WHERE m.id = :row_id AND m.IsProcessed = 1)
