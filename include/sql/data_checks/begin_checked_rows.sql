-- Records that the data checks passed: from here on a row may be billed and associated. Rows that came after the checked
-- ones, and rows whose device is not held, stay as they are.
-- Safe to run twice: only NEW rows are touched.
UPDATE dbo.M2M_DeviceChange SET Status = 'PROCESSING', ModifiedBy = :actor, ModifiedDate = :now
WHERE
    BulkChangeId = :bulk_change_id
    AND id BETWEEN :first_row_id AND :last_row_id
    AND Status = 'NEW'
    AND IsProcessed = 0
    AND IsDeleted = 0
    AND EXISTS (
        SELECT 1 FROM device_association.device_lock AS h
        WHERE h.M2MDeviceChangeId = dbo.M2M_DeviceChange.id AND h.DeviceId = dbo.M2M_DeviceChange.DeviceId
    )
