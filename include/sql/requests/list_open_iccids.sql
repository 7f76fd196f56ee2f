-- The ICCIDs of a change's open rows.
-- Safe to run twice: reads only.
SELECT m.id AS row_id, m.ICCID AS iccid
FROM dbo.M2M_DeviceChange AS m
WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.IsDeleted = 0
ORDER BY m.id
