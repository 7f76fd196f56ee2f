-- How many devices of a change ended in which state, with which code.
-- Safe to run twice: reads only.
SELECT m.Status AS status, COALESCE(m.ErrorCode, m.Status) AS code, COUNT(*) AS devices
FROM dbo.M2M_DeviceChange AS m
WHERE m.BulkChangeId = :bulk_change_id AND m.IsDeleted = 0
GROUP BY m.Status, m.ErrorCode
ORDER BY 2
