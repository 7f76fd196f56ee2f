-- Plans the end of what a package brought to a line, as Rev.io lists it.
-- Safe to run twice: a product that has a step keeps it.
INSERT INTO device_association.rev_product_step (
    IntentId, ProductId, EndsServiceProductId, Rate, State, ServiceProductId, ModifiedDate
)
SELECT :intent_id, p.product_id, p.service_product_id, NULL, 'PLANNED', p.service_product_id, :now
FROM JSONB_TO_RECORDSET(CAST(:products AS jsonb)) AS p (product_id int, service_product_id int)
ON CONFLICT (IntentId, ProductId, EndsServiceProductId) DO NOTHING
