-- How the rows of each bulk change stand, from the index, never from stored counters.
-- Alembic runs this once.
CREATE VIEW dbo.vwDeviceBulkChangeCounts AS
SELECT
    c.id AS BulkChangeId,
    COUNT(m.id) AS ChangeCount,
    COALESCE(SUM(CASE WHEN m.Status IN ('NEW', 'PROCESSING') THEN 1 ELSE 0 END), 0) AS RemainingCount,
    COALESCE(SUM(CASE WHEN m.Status = 'PROCESSED' THEN 1 ELSE 0 END), 0) AS ProcessedCount,
    COALESCE(SUM(CASE WHEN m.Status IN ('ERROR', 'API_FAILED') THEN 1 ELSE 0 END), 0) AS ErrorCount,
    COALESCE(SUM(CASE WHEN m.Status = 'CANCELED' THEN 1 ELSE 0 END), 0) AS CanceledCount
FROM dbo.DeviceBulkChange AS c
LEFT JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsDeleted = 0
GROUP BY c.id;
