-- Turns a call whose worker died into one whose outcome is not known, from the end of its lease.
-- Safe to run twice: only a lease that has run out is touched.
UPDATE device_association.line_intent
SET
    State = 'UNKNOWN', UnknownSince = LeaseUntil, LeaseOwner = NULL, LeaseUntil = NULL,
    Detail = 'the worker that called died', ModifiedDate = :now
WHERE id = :intent_id AND State = 'CALLING' AND LeaseUntil <= :now
