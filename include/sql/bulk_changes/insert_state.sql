-- Makes our state row of a bulk change that the portal or a request of ours wrote.
-- Safe to run twice: a row that is there stays as it is; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.change_state (
    BulkChangeId, RetryNumber, ClaimRunId, ClaimedDate, RunKey, Actor, Reason, CreatedDate
)
SELECT :bulk_change_id, :retry_number, :run_id, :claimed, :run_key, :actor, :reason, :now
WHERE NOT EXISTS (SELECT 1 FROM device_association.change_state AS s WHERE s.BulkChangeId = :bulk_change_id)
