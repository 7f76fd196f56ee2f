-- Counts calls for the day, and moves the moment of the next evenly paced call.
-- A second run counts them twice: it runs in the transaction that gives or takes back the slots.
UPDATE device_association.call_budget
SET CallsToday = CallsToday + :calls, NextPaced = :next_paced
WHERE ConnectionId = :connection_id
