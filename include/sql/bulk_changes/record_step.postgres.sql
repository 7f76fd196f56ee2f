-- Keeps that a change has had a step in this retry, how long it took and what it counted.
-- Safe to run twice: the later run of the step replaces the earlier one's figures and keeps its start. One that began
-- before it ends no earlier than it began.
INSERT INTO device_association.change_step (BulkChangeId, RetryNumber, Step, StartedDate, EndedDate, Counts)
VALUES (:bulk_change_id, :retry_number, :step, :started, :ended, :counts)
ON CONFLICT (BulkChangeId, RetryNumber, Step) DO UPDATE
    SET
        EndedDate = CASE
            WHEN EXCLUDED.EndedDate < device_association.change_step.StartedDate
                THEN device_association.change_step.StartedDate
            ELSE EXCLUDED.EndedDate
        END,
        Counts = EXCLUDED.Counts
