-- Says in the mirror that lines were ended.
-- Safe to run twice: a line that the mirror knows to be ended is not touched.
UPDATE dbo.RevService AS l SET DisconnectedDate = :now, IsActive = 0, ModifiedBy = :actor, ModifiedDate = :now
FROM JSONB_TO_RECORDSET(CAST(:intents AS jsonb)) AS r (intent_id bigint)
INNER JOIN device_association.line_intent AS i ON r.intent_id = i.id
WHERE
    l.RevServiceId = i.EndsRevServiceId
    AND l.IntegrationAuthenticationId = i.IntegrationAuthenticationId
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
