-- Takes a change out of its wait for approval, in the transaction that starts or ends it.
-- Safe to run twice: only a change that waits is touched.
UPDATE dbo.DeviceBulkChange SET Status = 'NEW', ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND Status = 'PENDING_APPROVAL'
