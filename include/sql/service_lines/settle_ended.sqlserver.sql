-- Records that lines were ended at Rev.io, whoever asked for it, and returns which SIMs' that was not known of before.
-- Safe to run twice: a line that is known to be ended stays so.
DECLARE @settled TABLE (intent_id bigint NOT NULL);
UPDATE device_association.line_intent
SET
    State = 'ENDED', LeaseOwner = NULL, LeaseUntil = NULL, UnknownSince = NULL, ReadyDate = :now,
    Detail = CONCAT('line ', device_association.line_intent.EndsRevServiceId, ' disconnected'), ModifiedDate = :now
OUTPUT INSERTED.id INTO @settled (intent_id)
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id') AS r
WHERE
    device_association.line_intent.id = r.intent_id
    AND device_association.line_intent.EndsRevServiceId IS NOT NULL
    AND device_association.line_intent.State NOT IN ('ENDED', 'KEPT');
SELECT intent_id FROM @settled;
