-- Checks in a transaction with an effect that the run still holds the change for its retry, and keeps it until commit.
-- Safe to run twice: only the claim's time changes. No row: the claim is lost.
UPDATE device_association.change_state SET ClaimedDate = :now
WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number AND ClaimRunId = :run_id
