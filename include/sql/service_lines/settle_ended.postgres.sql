-- Records that lines were ended at Rev.io, whoever asked for it, and returns which SIMs' that was not known of before.
-- Safe to run twice: a line that is known to be ended stays so.
UPDATE device_association.line_intent AS i
SET
    State = 'ENDED', LeaseOwner = NULL, LeaseUntil = NULL, UnknownSince = NULL, ReadyDate = :now,
    Detail = CONCAT('line ', i.EndsRevServiceId, ' disconnected'), ModifiedDate = :now
FROM JSONB_TO_RECORDSET(CAST(:intents AS jsonb)) AS r (intent_id bigint)
WHERE i.id = r.intent_id AND i.EndsRevServiceId IS NOT NULL AND i.State NOT IN ('ENDED', 'KEPT')
RETURNING i.id AS intent_id
