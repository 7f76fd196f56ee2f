-- How many rows of a change are still open, and how many are final.
-- Safe to run twice: reads only.
SELECT
    COALESCE(SUM(CASE WHEN m.IsProcessed = 0 THEN 1 ELSE 0 END), 0) AS open_rows,
    COALESCE(SUM(CASE WHEN m.IsProcessed = 1 THEN 1 ELSE 0 END), 0) AS final_rows
FROM dbo.M2M_DeviceChange AS m
WHERE m.BulkChangeId = :bulk_change_id AND m.IsDeleted = 0
