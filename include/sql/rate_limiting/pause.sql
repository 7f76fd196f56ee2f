-- Lets nobody call an account before a moment, and counts for how long.
-- Safe to run twice: a pause that lasts longer stays.
UPDATE device_association.call_budget
SET
    PausedSeconds = PausedSeconds + :seconds,
    PausedUntil = :until,
    PauseReason = :reason
WHERE ConnectionId = :connection_id AND PausedUntil < :until
