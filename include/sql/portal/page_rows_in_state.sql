-- A page of a change's devices in one state, from behind a row, by code where one is given.
-- Safe to run twice: reads only.
SELECT
    m.id AS row_id, m.ICCID AS iccid, m.MSISDN AS msisdn, m.DeviceId AS device_id, m.Status AS status, m.ErrorCode AS code,
    m.StatusDetails AS message, m.ProcessedDate AS processed_date
FROM dbo.M2M_DeviceChange AS m
WHERE
    m.BulkChangeId = :bulk_change_id AND m.Status = :status AND m.id > :after AND m.IsDeleted = 0
    AND (:code IS NULL OR m.ErrorCode = :code)
ORDER BY m.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
