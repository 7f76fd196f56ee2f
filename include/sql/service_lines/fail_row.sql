-- Ends one row whose line Rev.io refused, or which must not be asked for, in the transaction that records why.
-- Safe to run twice: only a row that is not yet final is touched, and only while the run holds the change.
UPDATE dbo.M2M_DeviceChange
SET
    Status = :status, ErrorCode = :code, StatusDetails = :details, IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
WHERE
    id = :row_id
    AND IsProcessed = 0
    AND EXISTS (
        SELECT 1 FROM device_association.change_state AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
    )
