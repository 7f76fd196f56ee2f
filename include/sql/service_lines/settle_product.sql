-- Records the outcome of adding one product to a line, or of ending it.
-- Safe to run twice: a product that was created or ended stays so; that it was not is for the owner of its lease to say.
UPDATE device_association.rev_product_step
SET
    State = :state, LeaseUntil = NULL, ServiceProductId = COALESCE(:service_product_id, ServiceProductId), Detail = :detail,
    ModifiedDate = :now
WHERE
    IntentId = :intent_id
    AND ProductId = :product_id
    AND EndsServiceProductId = :ends_service_product_id
    AND State NOT IN ('CREATED', 'ADOPTED', 'ENDED')
    AND (:state IN ('CREATED', 'ADOPTED', 'ENDED') OR LeaseUntil = :lease_until)
