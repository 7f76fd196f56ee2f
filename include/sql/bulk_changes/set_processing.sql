-- Says that a claimed change is in work. One row is a win: where nobody of ours had it before, it must still read NEW, or
-- another program took it in the same instant.
-- Safe to run twice: a change that has ended or was deleted is never touched.
UPDATE dbo.DeviceBulkChange SET Status = 'PROCESSING', ModifiedBy = :actor, ModifiedDate = :now
WHERE
    id = :bulk_change_id
    AND IsDeleted = 0
    AND (Status = 'NEW' OR (Status = 'PROCESSING' AND :was_claimed = 1))
