-- Records that the vendor answers again.
-- Safe to run twice: there is nothing left to close.
UPDATE device_association.call_budget SET FailuresInRow = 0, OpenUntil = :now
WHERE ConnectionId = :connection_id AND FailuresInRow > 0
