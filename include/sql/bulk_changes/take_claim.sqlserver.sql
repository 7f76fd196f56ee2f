-- Claims a bulk change for a run: one that has no state yet, is free, is the run's own, or was held by the given dead run; in
-- the given retry, or in the change's own where none is given. Returns the claim, and whether a run of ours had it before; no
-- row: another run or retry has it. Nobody else claims, closes, stops or retries the change before this transaction ends.
-- Safe to run twice: the run's own claim is taken again.
DECLARE @taken TABLE (retry_number int NOT NULL, actor nvarchar(100) NOT NULL);
DECLARE @claims int = (
    SELECT COUNT(s.ClaimRunId) FROM device_association.change_state AS s WITH (UPDLOCK, HOLDLOCK)
    WHERE s.BulkChangeId = :bulk_change_id
);
INSERT INTO device_association.change_state (BulkChangeId, RetryNumber, Actor, CreatedDate)
SELECT :bulk_change_id, 0, :actor, :now
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.change_state AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.BulkChangeId = :bulk_change_id
    );
UPDATE device_association.change_state SET ClaimRunId = :run_id, ClaimedDate = :now
OUTPUT INSERTED.RetryNumber, INSERTED.Actor INTO @taken (retry_number, actor)
WHERE
    BulkChangeId = :bulk_change_id
    AND RetryNumber = COALESCE(:retry_number, RetryNumber)
    AND (ClaimRunId IS NULL OR ClaimRunId = :run_id OR ClaimRunId = :dead_run_id);
SELECT retry_number, actor, @claims AS was_claimed FROM @taken;
