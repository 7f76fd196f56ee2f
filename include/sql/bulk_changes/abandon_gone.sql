-- Ends the planned intents of a change whose rows are not there any more: nobody will call.
-- Safe to run twice: only planned intents without their row are touched.
UPDATE device_association.line_intent SET State = 'ABANDONED', Detail = 'the row was deleted before the call', ModifiedDate = :now
WHERE
    BulkChangeId = :bulk_change_id
    AND State = 'PLANNED'
    AND NOT EXISTS (SELECT 1 FROM dbo.M2M_DeviceChange AS m WHERE m.id = device_association.line_intent.M2MDeviceChangeId)
