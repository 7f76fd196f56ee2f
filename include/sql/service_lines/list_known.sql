-- The lines that may be the SIMs' of a slice's open intents.
-- Safe to run twice: reads only.
SELECT k.IntentId AS intent_id, k.LineKey AS line_key, k.NeedsCheck AS needs_check, k.Record AS record
FROM device_association.rev_service_slice AS s
INNER JOIN device_association.line_intent AS i
    ON s.BulkChangeId = i.BulkChangeId AND i.M2MDeviceChangeId BETWEEN s.FirstRowId AND s.LastRowId
INNER JOIN device_association.known_line AS k ON i.id = k.IntentId
WHERE
    s.BulkChangeId = :bulk_change_id
    AND s.RetryNumber = :retry_number
    AND s.SliceNumber = :slice_number
    AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
