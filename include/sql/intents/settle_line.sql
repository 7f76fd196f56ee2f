-- Records the line of a SIM: created by the owner's call, found after a call whose outcome was unknown, or adopted.
-- Safe to run twice: only an open intent is settled; a call that is out, only by its owner.
UPDATE device_association.rev_intent
SET
    State = :state, RevServiceId = :service_id, LeaseOwner = NULL, LeaseUntil = NULL, UnknownSince = NULL,
    Detail = :detail, ModifiedDate = :now
WHERE
    id = :intent_id
    AND (State IN ('PLANNED', 'UNKNOWN') OR (State = 'CALLING' AND LeaseOwner = :owner))
