-- Forgets the lines of rows that are tried again where Rev.io has disconnected them since: the SIM needs another one.
-- Safe to run twice: only lines that are known are forgotten.
UPDATE device_association.line_intent
SET
    State = 'ABANDONED', RevServiceId = NULL, ReadyDate = NULL, ModifiedDate = :now,
    Detail = CONCAT('line ', RevServiceId, ' was disconnected before the device was associated')
FROM JSONB_TO_RECORDSET(CAST(:lines AS jsonb)) AS r (intent_id bigint, disconnected timestamptz)
WHERE device_association.line_intent.id = r.intent_id AND device_association.line_intent.State IN ('CREATED', 'ADOPTED')
