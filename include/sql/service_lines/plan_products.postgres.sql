-- Plans the products of a line.
-- Safe to run twice: a product that has a step keeps it.
INSERT INTO device_association.rev_product_step (IntentId, ProductId, Rate, State, ModifiedDate)
SELECT :intent_id, p.product_id, p.rate, 'PLANNED', :now
FROM JSONB_TO_RECORDSET(CAST(:products AS jsonb)) AS p (product_id int, rate decimal(25, 4))
ON CONFLICT (IntentId, ProductId, EndsServiceProductId) DO NOTHING
