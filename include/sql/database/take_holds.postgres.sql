-- Takes a batch of the devices of a change's open rows, in device order; a device that another change holds is left out.
-- Safe to run twice: a hold that is there stays.
INSERT INTO device_association.device_lock (TenantId, DeviceId, BulkChangeId, M2MDeviceChangeId, CreatedDate)
SELECT c.TenantId, m.DeviceId, m.BulkChangeId, m.id, :now
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.IsDeleted = 0 AND m.DeviceId BETWEEN :first_device_id AND :last_device_id
ORDER BY m.DeviceId
ON CONFLICT DO NOTHING
