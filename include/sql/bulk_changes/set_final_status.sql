-- Gives a change its final status, decided from its rows in the order of the domain contract, section 4.
-- Safe to run twice: only a change that is in work and has no open row is touched.
UPDATE dbo.DeviceBulkChange
SET
    Status = CASE
        WHEN v.ProcessedCount = v.ChangeCount AND v.ChangeCount > 0 THEN 'PROCESSED'
        WHEN EXISTS (
            SELECT 1 FROM device_association.change_stop AS s
            WHERE
                s.BulkChangeId = :bulk_change_id
                AND s.RetryNumber = :retry_number
                AND s.Code IN ('CANCELED_BY_USER', 'APPROVAL_REFUSED', 'APPROVAL_EXPIRED')
        ) THEN 'CANCELED'
        WHEN v.ProcessedCount > 0 THEN 'PARTIALLY_PROCESSED'
        ELSE 'ERROR'
    END,
    StatusDetails = CONCAT(
        v.ProcessedCount, ' of ', v.ChangeCount, ' devices processed, ', v.ErrorCount, ' refused or failed, ',
        v.CanceledCount, ' not attempted'
    ),
    ProcessedBy = :actor,
    ProcessedDate = :now,
    ModifiedBy = :actor,
    ModifiedDate = :now
FROM dbo.vwDeviceBulkChangeCounts AS v
WHERE
    dbo.DeviceBulkChange.id = :bulk_change_id
    AND v.BulkChangeId = dbo.DeviceBulkChange.id
    AND v.RemainingCount = 0
    AND dbo.DeviceBulkChange.Status IN ('NEW', 'PROCESSING')
