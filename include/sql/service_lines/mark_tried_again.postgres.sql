-- Records that the rows of intents whose line came to be known late are tried again, which is done once.
-- Safe to run twice: the first time stays.
UPDATE device_association.line_intent SET TriedAgainDate = :now
FROM JSONB_TO_RECORDSET(CAST(:intents AS jsonb)) AS r (intent_id bigint)
WHERE device_association.line_intent.id = r.intent_id AND device_association.line_intent.TriedAgainDate IS NULL
