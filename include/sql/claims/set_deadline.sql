-- Notes until when a change has to be done in this retry, and how long its account had been paused by then.
-- Safe to run twice: it runs in the transaction that cuts the slices of a retry, which does so once.
UPDATE device_association.change_state
SET
    DeadlineDate = :deadline,
    ConnectionId = :connection_id,
    PausedSeconds = (
        SELECT MAX(b.PausedSeconds) FROM device_association.call_budget AS b WHERE b.ConnectionId = :connection_id
    )
WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number
