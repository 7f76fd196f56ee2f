-- Gives back the devices of a change's final rows, and those that a row no longer names since its device was replaced.
-- Safe to run twice: only such holds are there to give back.
DELETE FROM device_association.device_lock
WHERE
    BulkChangeId = :bulk_change_id
    AND M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND EXISTS (
        SELECT 1 FROM dbo.M2M_DeviceChange AS m
        WHERE
            m.id = device_association.device_lock.M2MDeviceChangeId
            AND (m.IsProcessed = 1 OR m.DeviceId <> device_association.device_lock.DeviceId)
    )
