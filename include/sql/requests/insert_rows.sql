-- Writes one row of a revert for each row of a batch of the first change that reached something: its device was associated,
-- or its line or a product was created.
-- A second run fails on the unique key (BulkChangeId, ICCID), and with it the whole transaction.
INSERT INTO dbo.M2M_DeviceChange (
    BulkChangeId, DeviceChangeRequestId, DeviceId, ICCID, MSISDN, Status, IsProcessed, HasErrors,
    CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT :bulk_change_id, :request_id, m.DeviceId, m.ICCID, m.MSISDN, 'NEW', 0, 0, :actor, :now, 1, 0
FROM dbo.M2M_DeviceChange AS m
WHERE
    m.BulkChangeId = :reverted_change_id
    AND m.id BETWEEN :first_row_id AND :last_row_id
    AND m.IsProcessed = 1
    AND m.IsDeleted = 0
    AND (
        m.Status = 'PROCESSED'
        OR EXISTS (
            SELECT 1 FROM device_association.line_intent AS i WHERE i.M2MDeviceChangeId = m.id AND i.State = 'CREATED'
        )
        OR EXISTS (
            SELECT 1
            FROM device_association.line_intent AS i
            INNER JOIN device_association.rev_product_step AS p ON i.id = p.IntentId AND p.State IN ('CREATED', 'CALLING')
            WHERE i.M2MDeviceChangeId = m.id AND i.State = 'ADOPTED'
        )
    )
ORDER BY m.id
