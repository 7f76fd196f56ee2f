-- Gives an ended change the final status that its rows have.
-- Safe to run twice: only the status that was found wrong is touched.
UPDATE dbo.DeviceBulkChange
SET Status = :wanted, ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND Status = :status
