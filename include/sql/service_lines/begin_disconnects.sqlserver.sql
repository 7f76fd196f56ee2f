-- Begins the calls that end lines and returns which may be made: the intent is planned and the line known to be its SIM's, all
-- its products are ended, the run holds the change, nobody has turned the account away, and nobody has stopped the change, or
-- a product of the line was ended before.
-- Safe to run twice: only one worker finds an intent planned. A SIM that is not returned must not be called for.
DECLARE @begun TABLE (intent_id bigint NOT NULL);
UPDATE device_association.line_intent
SET
    State = 'CALLING', LeaseOwner = :owner, LeaseUntil = :lease_until, Calls = Calls + 1, CalledDate = :now, ModifiedDate = :now
OUTPUT INSERTED.id INTO @begun (intent_id)
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id') AS r
WHERE
    device_association.line_intent.id = r.intent_id
    AND device_association.line_intent.State = 'PLANNED'
    AND EXISTS (
        SELECT 1 FROM device_association.rev_line_owner AS o
        WHERE
            o.IntegrationAuthenticationId = device_association.line_intent.IntegrationAuthenticationId
            AND o.RevServiceId = device_association.line_intent.EndsRevServiceId
            AND o.ICCID = device_association.line_intent.ICCID
    )
    AND EXISTS (
        SELECT 1 FROM device_association.change_state AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.call_budget AS b
        WHERE b.ConnectionId = :connection_id AND b.PausedUntil > :now
    )
    AND EXISTS (
        SELECT 1 FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id AND c.IsDeleted = 0
        WHERE m.IsDeleted = 0 AND m.id = device_association.line_intent.M2MDeviceChangeId AND m.IsProcessed = 0 AND m.Status = 'PROCESSING'
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.rev_product_step AS p
        WHERE p.IntentId = device_association.line_intent.id AND p.State <> 'ENDED'
    )
    AND (
        NOT EXISTS (
            SELECT 1 FROM device_association.change_stop AS x
            WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number
        )
        OR EXISTS (
            SELECT 1 FROM device_association.rev_product_step AS p WHERE p.IntentId = device_association.line_intent.id
        )
    );
SELECT intent_id FROM @begun;
