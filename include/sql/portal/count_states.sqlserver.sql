-- How many devices of each given change are in which state.
-- Safe to run twice: reads only.
SELECT m.BulkChangeId AS bulk_change_id, m.Status AS status, COUNT(*) AS devices
FROM OPENJSON(:changes) AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON m.BulkChangeId = CAST(i.[value] AS bigint)
WHERE m.IsDeleted = 0
GROUP BY m.BulkChangeId, m.Status;
