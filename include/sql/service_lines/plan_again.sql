-- Plans a call again whose line stayed absent for the settle time, in which the account's breaker was not open (a vendor that
-- stood still may act on old calls when it wakes up), or ends it where its row has ended meanwhile.
-- Safe to run twice: only an intent that is unknown for that long is touched.
UPDATE device_association.line_intent
SET
    State = CASE
        WHEN EXISTS (
            SELECT 1 FROM dbo.M2M_DeviceChange AS m
            WHERE m.id = device_association.line_intent.M2MDeviceChangeId AND m.IsProcessed = 0
        ) THEN 'PLANNED'
        ELSE 'ABANDONED'
    END,
    UnknownSince = NULL, ModifiedDate = :now
WHERE
    id = :intent_id
    AND State = 'UNKNOWN'
    AND UnknownSince <= :unknown_before
    AND NOT EXISTS (
        SELECT 1 FROM device_association.call_budget AS b
        WHERE b.ConnectionId = :connection_id AND b.OpenUntil > :unknown_before
    )
