-- Begins the call that ends one product of a line, or one that was refused in an earlier try. A stop ends no device of which
-- a call was made: it is brought to its end.
-- Safe to run twice: only one worker finds it planned or refused, or its lease run out before its look-up, and only while
-- its run holds the change.
UPDATE device_association.rev_product_step
SET State = 'CALLING', LeaseUntil = :lease_until, Detail = NULL, ModifiedDate = :now
WHERE
    IntentId = :intent_id
    AND ProductId = :product_id
    AND EndsServiceProductId = :ends_service_product_id
    AND (State IN ('PLANNED', 'REJECTED') OR (State = 'CALLING' AND :was_calling = 1 AND LeaseUntil <= :looked_up))
    AND EXISTS (
        SELECT 1 FROM device_association.change_state AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
    )
    AND EXISTS (
        SELECT 1
        FROM device_association.line_intent AS i
        INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
        WHERE i.id = :intent_id AND i.State = 'PLANNED' AND m.IsProcessed = 0 AND m.Status = 'PROCESSING'
    )
    AND (
        NOT EXISTS (
            SELECT 1 FROM device_association.change_stop AS x
            WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number
        )
        OR EXISTS (
            SELECT 1 FROM device_association.rev_product_step AS b
            WHERE b.IntentId = :intent_id AND b.State IN ('CALLING', 'ENDED')
        )
    )
