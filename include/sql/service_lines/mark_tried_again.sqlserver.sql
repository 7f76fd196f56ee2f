-- Records that the rows of intents whose line came to be known late are tried again, which is done once.
-- Safe to run twice: the first time stays.
UPDATE device_association.line_intent SET TriedAgainDate = :now
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id') AS r
WHERE device_association.line_intent.id = r.intent_id AND device_association.line_intent.TriedAgainDate IS NULL;
