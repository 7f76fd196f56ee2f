-- Lets a line's absence count from now: Rev.io could not be asked, and what it still has to do may become a line.
-- Safe to run twice: only an intent whose outcome is unknown is touched.
UPDATE device_association.line_intent SET UnknownSince = :now, ModifiedDate = :now
WHERE id = :intent_id AND State = 'UNKNOWN'
