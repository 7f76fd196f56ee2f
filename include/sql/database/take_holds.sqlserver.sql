-- Takes a batch of the devices of a change's open rows, in device order; a device that another change holds is left out.
-- Safe to run twice: a hold that is there stays. Where two come at once, the key refuses one, which is tried again.
INSERT INTO device_association.device_lock (TenantId, DeviceId, BulkChangeId, M2MDeviceChangeId, CreatedDate)
SELECT c.TenantId, m.DeviceId, m.BulkChangeId, m.id, :now
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.DeviceId BETWEEN :first_device_id AND :last_device_id
    AND m.IsProcessed = 0
    AND m.IsDeleted = 0
    AND NOT EXISTS (
        SELECT 1 FROM device_association.device_lock AS h WITH (UPDLOCK, HOLDLOCK)
        WHERE h.TenantId = c.TenantId AND h.DeviceId = m.DeviceId
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.device_lock AS own WHERE own.M2MDeviceChangeId = m.id)
    AND NOT EXISTS (
        SELECT 1 FROM dbo.M2M_DeviceChange AS earlier
        WHERE
            earlier.BulkChangeId = m.BulkChangeId
            AND earlier.DeviceId = m.DeviceId
            AND earlier.IsProcessed = 0
            AND earlier.id < m.id
    )
ORDER BY m.DeviceId;
