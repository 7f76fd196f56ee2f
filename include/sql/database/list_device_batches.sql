-- The devices of a change's open rows, cut into ranges of so many rows in device order.
-- Safe to run twice: reads only.
SELECT MIN(v.DeviceId) AS first_device_id, MAX(v.DeviceId) AS last_device_id
FROM (
    SELECT m.DeviceId, (ROW_NUMBER() OVER (ORDER BY m.DeviceId) - 1) / :size AS batch
    FROM dbo.M2M_DeviceChange AS m
    WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.IsDeleted = 0 AND m.DeviceId IS NOT NULL
) AS v
GROUP BY v.batch
ORDER BY 1
