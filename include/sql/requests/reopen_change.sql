-- Sets an ended change to NEW again, in the transaction that opens its rows.
-- Safe to run twice: only a change that has ended is touched.
UPDATE dbo.DeviceBulkChange
SET
    Status = 'NEW', ProcessedBy = NULL, ProcessedDate = NULL, StatusDetails = NULL, ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND Status IN ('PROCESSED', 'PARTIALLY_PROCESSED', 'ERROR', 'CANCELED')
