-- Plans the end of the products that the first change added to the lines of a batch and that no earlier try has ended.
-- Safe to run twice: a product that has a step keeps it.
INSERT INTO device_association.rev_product_step (
    IntentId, ProductId, EndsServiceProductId, Rate, State, ServiceProductId, ModifiedDate
)
SELECT i.id, p.ProductId, p.ServiceProductId, p.Rate, 'PLANNED', p.ServiceProductId, :now
FROM device_association.line_intent AS i
INNER JOIN device_association.reverted_device AS r ON i.M2MDeviceChangeId = r.M2MDeviceChangeId
INNER JOIN device_association.rev_product_step AS p ON r.LineIntentId = p.IntentId AND p.State = 'CREATED'
WHERE
    i.BulkChangeId = :bulk_change_id
    AND i.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND i.State = 'PLANNED'
    AND NOT EXISTS (
        SELECT 1
        FROM device_association.line_intent AS e
        INNER JOIN device_association.rev_product_step AS x ON e.id = x.IntentId
        WHERE
            e.M2MDeviceChangeId = i.M2MDeviceChangeId
            AND x.ServiceProductId = p.ServiceProductId
            AND (e.id = i.id OR x.State = 'ENDED')
    )
