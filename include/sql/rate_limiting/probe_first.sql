-- Lets one caller probe an account before all others once its pause is over.
-- Safe to run twice: the breaker stays open until the same moment, or a later one.
UPDATE device_association.call_budget
SET
    FailuresInRow = CASE WHEN FailuresInRow < :most_failures THEN :most_failures ELSE FailuresInRow END,
    OpenUntil = CASE WHEN OpenUntil < :until THEN :until ELSE OpenUntil END
WHERE ConnectionId = :connection_id
