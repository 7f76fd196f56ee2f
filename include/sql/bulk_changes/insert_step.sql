-- Keeps that a change has had a step in this retry, how long it took and what it counted.
-- Safe to run twice: a step that is there stays; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.change_step (BulkChangeId, RetryNumber, Step, StartedDate, EndedDate, Counts)
SELECT :bulk_change_id, :retry_number, :step, :started, :ended, :counts
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.change_step AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.Step = :step
    )
