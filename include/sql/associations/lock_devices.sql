-- Holds the devices of a batch whose plans are due, until the transaction ends: no operation of ours takes one meanwhile.
-- A device that an operation is at work on is left out, one of ours by its hold, another program's by its open row.
-- Safe to run twice: a hold that is there stays. Where two come at once, the key refuses one, which is tried again.
INSERT INTO device_association.device_lock (TenantId, DeviceId, BulkChangeId, M2MDeviceChangeId, CreatedDate)
SELECT q.TenantId, q.DeviceId, :holder, -MIN(q.id), :now
FROM dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
WHERE
    q.DeviceId BETWEEN :first_device_id AND :last_device_id
    AND q.ProcessedDate IS NULL
    AND q.EffectiveDate <= :due_by
    AND q.PortalType = 0
    AND q.IsDeleted = 0
    AND NOT EXISTS (
        SELECT 1 FROM device_association.device_lock AS h
        WHERE h.TenantId = q.TenantId AND h.DeviceId = q.DeviceId
    )
    AND NOT EXISTS (
        SELECT 1
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        WHERE
            m.DeviceId = q.DeviceId
            AND m.IsProcessed = 0
            AND m.IsDeleted = 0
            AND c.TenantId = q.TenantId
            AND c.Status IN ('NEW', 'PROCESSING')
            AND c.IsDeleted = 0
            AND NOT EXISTS (SELECT 1 FROM device_association.change_state AS s WHERE s.BulkChangeId = c.id)
    )
GROUP BY q.TenantId, q.DeviceId
ORDER BY q.DeviceId, q.TenantId
