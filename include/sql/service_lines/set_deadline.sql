-- Notes until when a change has to be done in this retry, and how long its account had been paused by then.
-- Safe to run twice: the first deadline of a retry is set once; the one of its slices in the transaction that cuts them, once.
UPDATE device_association.change_state
SET
    DeadlineDate = :deadline,
    ConnectionId = :connection_id,
    PausedSeconds = (
        SELECT MAX(b.PausedSeconds) FROM device_association.call_budget AS b WHERE b.ConnectionId = :connection_id
    )
WHERE
    BulkChangeId = :bulk_change_id
    AND RetryNumber = :retry_number
    AND (:is_first = 0 OR DeadlineDate IS NULL)
