-- Keeps how a retry of a change ended, for the next one and for the task's result.
-- Safe to run twice: a result that is there stays.
INSERT INTO device_association.change_result (
    BulkChangeId, RetryNumber, Status, Devices, Processed, Errors, ApiFailed, Canceled, CreatedDate
)
SELECT
    c.id,
    :retry_number,
    c.Status,
    COUNT(m.id),
    COALESCE(SUM(CASE WHEN m.Status = 'PROCESSED' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN m.Status = 'ERROR' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN m.Status = 'API_FAILED' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN m.Status = 'CANCELED' THEN 1 ELSE 0 END), 0),
    :now
FROM dbo.DeviceBulkChange AS c
LEFT JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsDeleted = 0
WHERE
    c.id = :bulk_change_id
    AND NOT EXISTS (
        SELECT 1 FROM device_association.change_result AS r
        WHERE r.BulkChangeId = :bulk_change_id AND r.RetryNumber = :retry_number
    )
GROUP BY c.id, c.Status
