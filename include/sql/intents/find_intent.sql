-- How an intent stands.
-- Safe to run twice: reads only.
SELECT i.State AS state, i.RevServiceId AS service_id
FROM device_association.rev_intent AS i
WHERE i.id = :intent_id
