-- The products of a line with their outcomes.
-- Safe to run twice: reads only.
SELECT p.ProductId AS product_id, p.Rate AS rate, p.State AS state, p.LeaseUntil AS lease_until
FROM device_association.rev_product_step AS p
WHERE p.IntentId = :intent_id
ORDER BY p.ProductId
