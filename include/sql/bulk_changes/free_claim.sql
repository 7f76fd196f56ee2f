-- Frees a change when it is closed.
-- Safe to run twice: only the run's own claim is freed.
UPDATE device_association.change_state SET ClaimRunId = NULL, ClaimedDate = NULL
WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number AND ClaimRunId = :run_id
