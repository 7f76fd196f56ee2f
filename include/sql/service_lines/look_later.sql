-- Puts an open call behind the others of its account: its look-up told nothing, and theirs are due.
-- Safe to run twice: only an intent whose outcome is unknown is touched.
UPDATE device_association.line_intent SET ModifiedDate = :now
WHERE id = :intent_id AND State = 'UNKNOWN'
