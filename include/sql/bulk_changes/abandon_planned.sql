-- Ends the intents of a change's final rows that were never called: nobody will.
-- Safe to run twice: only planned intents of final rows are touched.
UPDATE device_association.line_intent SET State = 'ABANDONED', Detail = 'the change ended before the call', ModifiedDate = :now
WHERE
    BulkChangeId = :bulk_change_id
    AND M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND State = 'PLANNED'
    AND EXISTS (
        SELECT 1 FROM dbo.M2M_DeviceChange AS m
        WHERE m.id = device_association.line_intent.M2MDeviceChangeId AND m.IsProcessed = 1
    )
