-- Records that the vendor answers again, and, if its breaker was open, since when.
-- Safe to run twice: there is nothing left to close.
UPDATE device_association.call_budget
SET
    OpenUntil = CASE WHEN FailuresInRow >= :most_failures THEN :now ELSE OpenUntil END,
    FailuresInRow = 0
WHERE ConnectionId = :connection_id AND FailuresInRow > 0
