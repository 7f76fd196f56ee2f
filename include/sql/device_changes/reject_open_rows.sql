-- Marks every open row of a change as an error with one code and reason.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR', ErrorCode = :code, StatusDetails = :details, IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
WHERE BulkChangeId = :bulk_change_id AND IsProcessed = 0
