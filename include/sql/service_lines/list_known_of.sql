-- The lines that may be the SIM's of one intent.
-- Safe to run twice: reads only.
SELECT k.IntentId AS intent_id, k.LineKey AS line_key, k.NeedsCheck AS needs_check, k.Record AS record
FROM device_association.known_line AS k
WHERE k.IntentId = :intent_id
