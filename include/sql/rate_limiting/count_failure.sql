-- Counts a call that got no answer, or one that says the vendor is ill; so many in a row open the account's breaker.
-- A second run counts a second failure: it is told once a call.
UPDATE device_association.call_budget
SET
    FailuresInRow = FailuresInRow + 1,
    OpenUntil = CASE WHEN FailuresInRow + 1 >= :most_failures THEN :open_until ELSE OpenUntil END
WHERE ConnectionId = :connection_id
