-- Ends an intent that will not become a line.
-- Safe to run twice: a call that was refused ends only its owner's intent, what was found only one without a call.
UPDATE device_association.line_intent
SET State = 'REJECTED', LeaseOwner = NULL, LeaseUntil = NULL, UnknownSince = NULL, Detail = :detail, ModifiedDate = :now
WHERE
    id = :intent_id
    AND (
        (:was_called = 0 AND State IN ('PLANNED', 'UNKNOWN'))
        OR (:was_called = 1 AND State = 'CALLING' AND LeaseOwner = :owner)
    )
