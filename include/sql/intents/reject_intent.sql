-- Ends an intent that will not become a line.
-- Safe to run twice: only an open intent is ended; a call that is out, only by its owner.
UPDATE device_association.rev_intent
SET State = 'REJECTED', LeaseOwner = NULL, LeaseUntil = NULL, UnknownSince = NULL, Detail = :detail, ModifiedDate = :now
WHERE
    id = :intent_id
    AND (State IN ('PLANNED', 'UNKNOWN') OR (State = 'CALLING' AND LeaseOwner = :owner))
