-- Plans the products of a line.
-- Safe to run twice: a product that has a step keeps it.
INSERT INTO device_association.rev_product_step (IntentId, ProductId, Rate, State, ModifiedDate)
SELECT :intent_id, p.product_id, p.rate, 'PLANNED', :now
FROM OPENJSON (:products) WITH (product_id int '$.product_id', rate decimal(25, 4) '$.rate') AS p
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.rev_product_step AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.IntentId = :intent_id AND s.ProductId = p.product_id AND s.EndsServiceProductId = 0
    );
