-- Keeps that a change has had a step in this retry, how long it took and what it counted.
-- Safe to run twice: the later run of the step replaces the earlier one's figures and keeps its start. One that began
-- before it ends no earlier than it began.
UPDATE device_association.change_step
SET EndedDate = CASE WHEN StartedDate > :ended THEN StartedDate ELSE CAST(:ended AS datetime2(3)) END, Counts = :counts
WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number AND Step = :step;
INSERT INTO device_association.change_step (BulkChangeId, RetryNumber, Step, StartedDate, EndedDate, Counts)
SELECT :bulk_change_id, :retry_number, :step, :started, :ended, :counts
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.change_step AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.Step = :step
    );
