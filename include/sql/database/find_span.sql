-- The first and the last row of a change.
-- Safe to run twice: reads only.
SELECT MIN(m.id) AS first_row_id, MAX(m.id) AS last_row_id
FROM dbo.M2M_DeviceChange AS m
WHERE m.BulkChangeId = :bulk_change_id
