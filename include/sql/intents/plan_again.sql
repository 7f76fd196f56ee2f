-- Plans a call again whose line stayed absent for the settle time.
-- Safe to run twice: only an intent that is unknown for that long is touched.
UPDATE device_association.rev_intent SET State = 'PLANNED', UnknownSince = NULL, ModifiedDate = :now
WHERE id = :intent_id AND State = 'UNKNOWN' AND UnknownSince <= :unknown_before
