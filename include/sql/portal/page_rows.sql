-- A page of a change's devices in the order of the request, from behind a row, by code where one is given. The two halves,
-- each in the order of its index, spare sorting the change.
-- Safe to run twice: reads only.
SELECT
    m.id AS row_id, m.ICCID AS iccid, m.MSISDN AS msisdn, m.DeviceId AS device_id, m.Status AS status, m.ErrorCode AS code,
    m.StatusDetails AS message, m.ProcessedDate AS processed_date
FROM dbo.M2M_DeviceChange AS m
INNER JOIN (
    SELECT o.id FROM (
        SELECT r.id
        FROM dbo.M2M_DeviceChange AS r
        WHERE
            r.BulkChangeId = :bulk_change_id AND r.IsProcessed = 0 AND r.id > :after AND r.IsDeleted = 0
            AND (:code IS NULL OR r.ErrorCode = :code)
        ORDER BY r.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
    ) AS o
    UNION ALL
    SELECT f.id FROM (
        SELECT r.id
        FROM dbo.M2M_DeviceChange AS r
        WHERE
            r.BulkChangeId = :bulk_change_id AND r.IsProcessed = 1 AND r.id > :after AND r.IsDeleted = 0
            AND (:code IS NULL OR r.ErrorCode = :code)
        ORDER BY r.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
    ) AS f
) AS page ON m.id = page.id
ORDER BY m.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
