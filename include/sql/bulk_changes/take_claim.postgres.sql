-- Claims a bulk change for a run: one that has no state yet, is free, is the run's own, or was held by the given dead run; in
-- the given retry, or in the change's own where none is given. Returns the claim, and whether a run of ours had it before; no
-- row: another run or retry has it. Nobody else claims, closes, stops or retries the change before this transaction ends.
-- Safe to run twice: the run's own claim is taken again.
WITH held AS MATERIALIZED (
    SELECT s.ClaimRunId FROM device_association.change_state AS s
    WHERE s.BulkChangeId = :bulk_change_id
    FOR UPDATE
),

known AS MATERIALIZED (
    SELECT COUNT(*) AS states, COUNT(h.ClaimRunId) AS claims FROM held AS h
),

taken AS (
    INSERT INTO device_association.change_state AS s (
        BulkChangeId, RetryNumber, ClaimRunId, ClaimedDate, Actor, CreatedDate
    )
    SELECT :bulk_change_id, 0, :run_id, :now, :actor, :now
    FROM known AS k
    WHERE k.states = 1 OR COALESCE(CAST(:retry_number AS int), 0) = 0
    ON CONFLICT (BulkChangeId) DO UPDATE
        SET ClaimRunId = EXCLUDED.ClaimRunId, ClaimedDate = EXCLUDED.ClaimedDate
        WHERE
        s.RetryNumber = COALESCE(CAST(:retry_number AS int), s.RetryNumber)
        AND (s.ClaimRunId IS NULL OR s.ClaimRunId = :run_id OR s.ClaimRunId = :dead_run_id)
    RETURNING s.RetryNumber, s.Actor
)

SELECT t.RetryNumber AS retry_number, t.Actor AS actor, k.claims AS was_claimed
FROM taken AS t
CROSS JOIN known AS k
