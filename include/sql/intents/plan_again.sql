-- Plans a call again whose line stayed absent for the settle time, or ends it where its row has ended meanwhile.
-- Safe to run twice: only an intent that is unknown for that long is touched.
UPDATE device_association.rev_intent
SET
    State = CASE
        WHEN EXISTS (
            SELECT 1 FROM dbo.M2M_DeviceChange AS m
            WHERE m.id = device_association.rev_intent.M2MDeviceChangeId AND m.IsProcessed = 0
        ) THEN 'PLANNED'
        ELSE 'ABANDONED'
    END,
    UnknownSince = NULL, ModifiedDate = :now
WHERE id = :intent_id AND State = 'UNKNOWN' AND UnknownSince <= :unknown_before
