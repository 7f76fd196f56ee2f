-- Takes a change that waits for approval out of that, in the transaction that cancels it.
-- Safe to run twice: only a change that waits is touched.
UPDATE dbo.DeviceBulkChange SET Status = 'NEW', ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND Status = 'PENDING_APPROVAL'
