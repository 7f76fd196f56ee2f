-- Says that a claimed change is in work.
-- Safe to run twice: a change that has ended is never touched.
UPDATE dbo.DeviceBulkChange SET Status = 'PROCESSING', ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND Status IN ('NEW', 'PROCESSING')
