-- Whether a product of an intent was begun or ended: a row, or none. Such a SIM is brought to its end, even in a stopped change.
-- Safe to run twice: reads only.
SELECT MIN(p.ProductId) AS product_id
FROM device_association.rev_product_step AS p
WHERE p.IntentId = :intent_id AND p.State IN ('CALLING', 'ENDED')
HAVING COUNT(*) > 0
