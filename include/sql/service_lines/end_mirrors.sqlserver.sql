-- Says in the mirror that lines were ended.
-- Safe to run twice: a line that the mirror knows to be ended is not touched.
UPDATE dbo.RevService SET DisconnectedDate = :now, IsActive = 0, ModifiedBy = :actor, ModifiedDate = :now
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id') AS r
INNER JOIN device_association.line_intent AS i ON r.intent_id = i.id
WHERE
    dbo.RevService.RevServiceId = i.EndsRevServiceId
    AND dbo.RevService.IntegrationAuthenticationId = i.IntegrationAuthenticationId
    AND (dbo.RevService.DisconnectedDate IS NULL OR dbo.RevService.DisconnectedDate > :now);
