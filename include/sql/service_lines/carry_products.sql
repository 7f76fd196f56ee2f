-- Takes over for the intents of a batch what an earlier try of the revert left open of the same lines: a call whose outcome is
-- not known is looked up before any other, and what a package brought is not asked for anew.
-- Safe to run twice: a product that has a step keeps it.
INSERT INTO device_association.rev_product_step (
    IntentId, ProductId, EndsServiceProductId, Rate, State, LeaseUntil, ServiceProductId, ModifiedDate
)
SELECT
    i.id, x.ProductId, x.EndsServiceProductId, x.Rate, CASE WHEN x.State = 'CALLING' THEN 'CALLING' ELSE 'PLANNED' END,
    x.LeaseUntil, x.ServiceProductId, :now
FROM device_association.line_intent AS i
INNER JOIN device_association.line_intent AS e ON i.M2MDeviceChangeId = e.M2MDeviceChangeId AND i.id > e.id
INNER JOIN device_association.rev_product_step AS x ON e.id = x.IntentId AND x.State <> 'ENDED'
WHERE
    i.BulkChangeId = :bulk_change_id
    AND i.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND i.State = 'PLANNED'
    AND NOT EXISTS (
        SELECT 1
        FROM device_association.line_intent AS n
        INNER JOIN device_association.rev_product_step AS y ON n.id = y.IntentId
        WHERE
            n.M2MDeviceChangeId = e.M2MDeviceChangeId
            AND n.id > e.id
            AND y.ProductId = x.ProductId
            AND y.EndsServiceProductId = x.EndsServiceProductId
    )
