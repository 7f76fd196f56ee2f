-- Forgets what Rev.io showed of the SIMs for which a change is to call, before they are looked at again. What was known before
-- a call says later whose line is found.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.known_line
WHERE
    EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE i.id = device_association.known_line.IntentId AND i.BulkChangeId = :bulk_change_id AND i.State = 'PLANNED'
    )
