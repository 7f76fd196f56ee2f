-- Makes the caller's transaction the only one that deals with the account's budget until it ends.
-- Safe to run twice: it changes nothing but who waits. A new day starts with no calls.
UPDATE device_association.call_budget
SET
    CallsToday = CASE WHEN Day = CAST(:now AS date) THEN CallsToday ELSE 0 END,
    Day = CAST(:now AS date)
WHERE ConnectionId = :connection_id
