-- Makes our state row of a bulk change that the portal or a request of ours wrote.
-- Safe to run twice: a row that is there stays as it is.
INSERT INTO device_association.change_state (
    BulkChangeId, RetryNumber, ClaimRunId, ClaimedDate, RunKey, Actor, Reason, CreatedDate
)
SELECT
    :bulk_change_id, :retry_number, :run_id, CASE WHEN :run_id IS NULL THEN NULL ELSE CAST(:now AS datetime2(3)) END,
    :run_key, :actor, :reason, :now
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.change_state AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.BulkChangeId = :bulk_change_id
    );
