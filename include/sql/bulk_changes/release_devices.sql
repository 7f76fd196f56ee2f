-- Releases the devices of a change that was deleted or has ended, those too whose row is not there any more.
-- Safe to run twice: there is nothing left to release. An open row of a change that is not deleted keeps its device.
DELETE FROM device_association.device_lock
WHERE
    BulkChangeId = :bulk_change_id
    AND NOT EXISTS (
        SELECT 1
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        WHERE m.id = device_association.device_lock.M2MDeviceChangeId AND m.IsProcessed = 0 AND c.IsDeleted = 0
    )
