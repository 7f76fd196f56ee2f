-- The next open rows of a change whose payload was not read yet: those that the portal wrote itself.
-- Safe to run twice: reads only.
SELECT m.id AS row_id, r.ChangeRequest AS payload
FROM dbo.M2M_DeviceChange AS m
LEFT JOIN dbo.DeviceChangeRequest AS r ON m.DeviceChangeRequestId = r.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.IsProcessed = 0
    AND m.IsDeleted = 0
    AND m.id > :after_row_id
    AND NOT EXISTS (
        SELECT 1 FROM device_association.requested_device AS d WHERE d.M2MDeviceChangeId = m.id
    )
ORDER BY m.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
