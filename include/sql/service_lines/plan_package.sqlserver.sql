-- Plans the end of what a package brought to a line, as Rev.io lists it.
-- Safe to run twice: a product that has a step keeps it.
INSERT INTO device_association.rev_product_step (
    IntentId, ProductId, EndsServiceProductId, Rate, State, ServiceProductId, ModifiedDate
)
SELECT :intent_id, p.product_id, p.service_product_id, NULL, 'PLANNED', p.service_product_id, :now
FROM
    OPENJSON (:products) WITH (product_id int '$.product_id', service_product_id int '$.service_product_id') AS p
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.rev_product_step AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.IntentId = :intent_id AND s.ProductId = p.product_id AND s.EndsServiceProductId = p.service_product_id
    );
