-- Records from when what Rev.io shows of some SIMs is known.
-- Safe to run twice: only SIMs that are still to be called for are touched, and an older look never replaces a newer one.
UPDATE device_association.line_intent
SET LookedDate = :looked, ModifiedDate = :now
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id') AS r
WHERE
    device_association.line_intent.id = r.intent_id
    AND device_association.line_intent.State = 'PLANNED'
    AND (device_association.line_intent.LookedDate IS NULL OR device_association.line_intent.LookedDate < :looked);
