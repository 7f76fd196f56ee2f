-- Keeps of each row of a revert in a batch which row it takes back, and the intent of the line that the first change created,
-- or adopted and added products to.
-- A second run fails on the primary key, and with it the whole transaction.
INSERT INTO device_association.reverted_device (M2MDeviceChangeId, BulkChangeId, RevertedRowId, LineIntentId)
SELECT
    m.id, m.BulkChangeId, o.id,
    (
        SELECT MAX(i.id) FROM device_association.line_intent AS i
        WHERE
            i.M2MDeviceChangeId = o.id
            AND (
                i.State = 'CREATED'
                OR (
                    i.State = 'ADOPTED'
                    AND EXISTS (
                        SELECT 1 FROM device_association.rev_product_step AS p
                        WHERE p.IntentId = i.id AND p.State IN ('CREATED', 'CALLING')
                    )
                )
            )
    )
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.M2M_DeviceChange AS o ON o.BulkChangeId = :reverted_change_id AND m.ICCID = o.ICCID
WHERE m.BulkChangeId = :bulk_change_id AND m.id BETWEEN :first_row_id AND :last_row_id
