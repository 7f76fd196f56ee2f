-- Gives a call back that was certainly not acted on.
-- Safe to run twice: only the owner's own lease is given back.
UPDATE device_association.rev_intent
SET State = 'PLANNED', LeaseOwner = NULL, LeaseUntil = NULL, ModifiedDate = :now
WHERE id = :intent_id AND State = 'CALLING' AND LeaseOwner = :owner
