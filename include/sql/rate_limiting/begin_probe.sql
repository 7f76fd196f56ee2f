-- Lets one caller ask whether the vendor answers again, nobody else before a moment.
-- Safe to run twice: the second finds the moment moved.
UPDATE device_association.call_budget SET OpenUntil = :open_until
WHERE ConnectionId = :connection_id AND FailuresInRow >= :most_failures AND OpenUntil <= :now
