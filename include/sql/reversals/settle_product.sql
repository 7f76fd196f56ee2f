-- Records the outcome of ending one product of a line.
-- Safe to run twice: a product that was ended stays so; that it was not is for the owner of its lease to say.
UPDATE device_association.rev_product_step
SET State = :state, LeaseUntil = NULL, Detail = :detail, ModifiedDate = :now
WHERE IntentId = :intent_id AND ProductId = :product_id AND State <> 'ENDED' AND (:state = 'ENDED' OR LeaseUntil = :lease_until)
