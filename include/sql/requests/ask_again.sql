-- Asks anew about a change that was asked about before and not approved.
-- Safe to run twice: the time runs anew from the later one.
UPDATE device_association.approval
SET
    Why = :why, AskedBy = :actor, AskedDate = :now, ExpiresDate = :expires, Answer = NULL, AnsweredBy = NULL,
    AnsweredDate = NULL, RunId = NULL
WHERE BulkChangeId = :bulk_change_id
