-- Raises a change's retry number: the next run works for whoever asked, with a deadline of its own.
-- Safe to run twice: only the retry that the caller saw is left behind.
UPDATE device_association.change_state
SET
    RetryNumber = RetryNumber + 1, ClaimRunId = NULL, ClaimedDate = NULL, Actor = :actor, Reason = :reason,
    DeadlineDate = NULL, ConnectionId = NULL, PausedSeconds = NULL
WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number
