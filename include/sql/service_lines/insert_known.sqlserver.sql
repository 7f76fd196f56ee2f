-- Keeps lines that may be the SIMs' of intents, as Rev.io shows them now.
-- Safe to run twice: a line is kept once for an intent, as it was shown last.
UPDATE device_association.known_line
SET NeedsCheck = l.needs_check, Record = l.record
FROM
    OPENJSON (:lines)
    WITH (
        intent_id bigint '$.intent_id',
        line_key varchar(64) '$.line_key',
        needs_check bit '$.needs_check',
        record nvarchar(MAX) '$.record' AS JSON
    ) AS l
WHERE device_association.known_line.IntentId = l.intent_id AND device_association.known_line.LineKey = l.line_key;
INSERT INTO device_association.known_line (IntentId, LineKey, NeedsCheck, Record)
SELECT l.intent_id, l.line_key, l.needs_check, l.record
FROM
    OPENJSON (:lines)
    WITH (
        intent_id bigint '$.intent_id',
        line_key varchar(64) '$.line_key',
        needs_check bit '$.needs_check',
        record nvarchar(MAX) '$.record' AS JSON
    ) AS l
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.known_line AS x WITH (UPDLOCK, HOLDLOCK)
        WHERE x.IntentId = l.intent_id AND x.LineKey = l.line_key
    );
