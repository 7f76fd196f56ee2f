-- Keeps when a step of a change's retry ended and what it counted, where it has run before; its start stays. One that began
-- before the earlier run ends no earlier than it began.
-- Safe to run twice: the later run's figures replace the earlier one's. No row: the step has not run before.
UPDATE device_association.change_step
SET EndedDate = CASE WHEN StartedDate > :ended THEN StartedDate ELSE :ended END, Counts = :counts
WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number AND Step = :step
