-- The products that are to be added to a line, or to be ended, with their outcomes.
-- Safe to run twice: reads only.
SELECT
    p.ProductId AS product_id,
    p.EndsServiceProductId AS ends_service_product_id,
    p.Rate AS rate,
    p.ServiceProductId AS service_product_id,
    p.State AS state,
    p.LeaseUntil AS lease_until
FROM device_association.rev_product_step AS p
WHERE p.IntentId = :intent_id
ORDER BY p.ProductId, p.EndsServiceProductId
