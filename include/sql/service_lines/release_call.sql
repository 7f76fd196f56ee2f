-- Gives a call back that was certainly not acted on: to be made again, or ended where its row has ended meanwhile.
-- Safe to run twice: only the owner's own lease is given back.
UPDATE device_association.line_intent
SET
    State = CASE
        WHEN EXISTS (
            SELECT 1 FROM dbo.M2M_DeviceChange AS m
            WHERE m.id = device_association.line_intent.M2MDeviceChangeId AND m.IsProcessed = 0
        ) THEN 'PLANNED'
        ELSE 'ABANDONED'
    END,
    LeaseOwner = NULL, LeaseUntil = NULL, ModifiedDate = :now
WHERE id = :intent_id AND State = 'CALLING' AND LeaseOwner = :owner
