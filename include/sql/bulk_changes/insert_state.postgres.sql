-- Makes our state row of a bulk change that the portal or a request of ours wrote.
-- Safe to run twice: a row that is there stays as it is.
INSERT INTO device_association.change_state (
    BulkChangeId, RetryNumber, ClaimRunId, ClaimedDate, RunKey, Actor, Reason, CreatedDate
)
VALUES (
    :bulk_change_id, :retry_number, CAST(:run_id AS varchar), CASE WHEN :run_id IS NULL THEN NULL ELSE :now END,
    :run_key, :actor, :reason, :now
)
ON CONFLICT (BulkChangeId) DO NOTHING
