-- Lets a change wait for approval that was just stored or opened again.
-- Safe to run twice: only a change that has not begun is touched.
UPDATE dbo.DeviceBulkChange SET Status = 'PENDING_APPROVAL', ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND Status IN ('NEW', 'PROCESSING')
