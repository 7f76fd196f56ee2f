-- Ends a change that was deleted before it had ended: what it asked Rev.io is looked up as that of any ended change.
-- Safe to run twice: only a deleted change that has not ended is touched.
UPDATE dbo.DeviceBulkChange
SET
    Status = 'CANCELED', StatusDetails = 'deleted before it had ended; nothing more of it was begun',
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
WHERE id = :bulk_change_id AND IsDeleted = 1 AND Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
