-- The first and the last row of a change.
-- Safe to run twice: reads only.
SELECT MIN(v.first_row_id) AS first_row_id, MAX(v.last_row_id) AS last_row_id
FROM (
    SELECT MIN(m.id) AS first_row_id, MAX(m.id) AS last_row_id
    FROM dbo.M2M_DeviceChange AS m
    WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0
    UNION ALL
    SELECT MIN(m.id), MAX(m.id)
    FROM dbo.M2M_DeviceChange AS m
    WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 1
) AS v
