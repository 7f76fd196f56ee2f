-- Finds the device of each open row that the portal wrote without one, or whose device was replaced since, and the number that
-- the device has now. A revert is about the devices of the first change, and no others.
-- Safe to run twice: only rows whose device or number differs are touched.
UPDATE dbo.M2M_DeviceChange SET DeviceId = d.id, MSISDN = COALESCE(d.MSISDN, dbo.M2M_DeviceChange.MSISDN)
FROM dbo.DeviceBulkChange AS c, dbo.Device AS d
WHERE
    dbo.M2M_DeviceChange.BulkChangeId = :bulk_change_id
    AND dbo.M2M_DeviceChange.id BETWEEN :first_row_id AND :last_row_id
    AND dbo.M2M_DeviceChange.IsProcessed = 0
    AND c.id = dbo.M2M_DeviceChange.BulkChangeId
    AND d.ServiceProviderId = c.ServiceProviderId
    AND d.ICCID = dbo.M2M_DeviceChange.ICCID
    AND d.IsDeleted = 0
    AND (COALESCE(dbo.M2M_DeviceChange.DeviceId, -1) <> d.id OR COALESCE(dbo.M2M_DeviceChange.MSISDN, '') <> d.MSISDN)
    AND NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.BulkChangeId = dbo.M2M_DeviceChange.BulkChangeId)
