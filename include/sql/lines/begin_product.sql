-- Begins the call for one product of a line, or for one that was refused in an earlier retry.
-- Safe to run twice: only one worker finds it planned or refused, or its lease run out after a look-up.
UPDATE device_association.rev_product_step
SET State = 'CALLING', LeaseUntil = :lease_until, Detail = NULL, ModifiedDate = :now
WHERE
    IntentId = :intent_id
    AND ProductId = :product_id
    AND (State IN ('PLANNED', 'REJECTED') OR (State = 'CALLING' AND LeaseUntil <= :now))
