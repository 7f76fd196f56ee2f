-- How many devices of the changes that ended since then ended in which state, with which code.
-- Safe to run twice: reads only.
SELECT COALESCE(m.ErrorCode, m.Status) AS code, COUNT(*) AS total
FROM dbo.M2M_DeviceChange AS m
WHERE
    m.IsDeleted = 0
    AND m.IsProcessed = 1
    AND m.BulkChangeId IN (
        SELECT r.BulkChangeId FROM device_association.change_result AS r
        WHERE r.CreatedDate >= :ended_since
    )
GROUP BY COALESCE(m.ErrorCode, m.Status)
