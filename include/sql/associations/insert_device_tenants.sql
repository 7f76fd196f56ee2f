-- Makes the row of each settled device of a batch that its tenant does not have yet: the device was the parent tenant's so
-- far. It holds nothing; the statement that follows gives it to the customer, and so writes its history.
-- Safe to run twice: a row that is there stays. The device is held, so no other operation of ours makes it meanwhile.
INSERT INTO dbo.Device_Tenant (DeviceId, TenantId, CreatedBy, CreatedDate, IsActive, IsDeleted)
SELECT w.DeviceId, w.TenantId, :actor, :now, 1, 0
FROM device_association.settled_device AS w
WHERE
    w.BulkChangeId = :bulk_change_id
    AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND NOT EXISTS (
        SELECT 1 FROM dbo.Device_Tenant AS x WHERE x.DeviceId = w.DeviceId AND x.TenantId = w.TenantId
    )
