-- Records that the outcome of the owner's call is not known.
-- Safe to run twice: only the owner's own lease is touched.
UPDATE device_association.line_intent
SET State = 'UNKNOWN', UnknownSince = :now, LeaseOwner = NULL, LeaseUntil = NULL, Detail = :detail, ModifiedDate = :now
WHERE id = :intent_id AND State = 'CALLING' AND LeaseOwner = :owner
