-- Records the outcome of one product of a line.
-- Safe to run twice: a product that was created stays created; that it was not is for the owner of its lease to say.
UPDATE device_association.rev_product_step
SET State = :state, LeaseUntil = NULL, ServiceProductId = :service_product_id, Detail = :detail, ModifiedDate = :now
WHERE
    IntentId = :intent_id
    AND ProductId = :product_id
    AND State NOT IN ('CREATED', 'ADOPTED')
    AND (:state IN ('CREATED', 'ADOPTED') OR LeaseUntil = :lease_until)
