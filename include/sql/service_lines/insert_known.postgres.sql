-- Keeps lines that may be the SIMs' of intents, as Rev.io shows them now.
-- Safe to run twice: a line is kept once for an intent, as it was shown last.
INSERT INTO device_association.known_line (IntentId, LineKey, NeedsCheck, Record)
SELECT l.intent_id, l.line_key, l.needs_check, l.record
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb)) AS l (intent_id bigint, line_key text, needs_check smallint, record text)
ON CONFLICT (IntentId, LineKey) DO UPDATE
    SET NeedsCheck = EXCLUDED.NeedsCheck, Record = EXCLUDED.Record
