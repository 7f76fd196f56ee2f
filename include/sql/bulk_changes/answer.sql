-- Keeps the answer about a change.
-- Safe to run twice: the first answer counts.
UPDATE device_association.approval SET Answer = :answer, AnsweredBy = :actor, AnsweredDate = :now
WHERE BulkChangeId = :bulk_change_id AND Answer IS NULL
