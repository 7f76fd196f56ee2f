-- Says in the mirror that the lines of some intents are disconnected.
-- Safe to run twice: a line that the mirror knows to be disconnected is not touched.
UPDATE dbo.RevService
SET DisconnectedDate = r.disconnected, IsActive = 0, ModifiedBy = :actor, ModifiedDate = :now
FROM JSONB_TO_RECORDSET(CAST(:lines AS jsonb)) AS r (intent_id bigint, disconnected timestamptz)
INNER JOIN device_association.line_intent AS i ON r.intent_id = i.id
WHERE
    dbo.RevService.RevServiceId = i.RevServiceId
    AND dbo.RevService.IntegrationAuthenticationId = i.IntegrationAuthenticationId
    AND (dbo.RevService.DisconnectedDate IS NULL OR dbo.RevService.DisconnectedDate > :now)
