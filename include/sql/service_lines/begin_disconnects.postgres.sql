-- Begins the calls that end lines and returns which may be made: the intent is planned and the line known to be its SIM's, all
-- its products are ended, the run holds the change, nobody has turned the account away, and nobody has stopped the change, or
-- a product of the line was ended before.
-- Whether its row is open is found once for each intent, as in begin_calls.
-- Safe to run twice: only one worker finds an intent planned. A SIM that is not returned must not be called for.
WITH asked AS MATERIALIZED (
    SELECT i.id
    FROM JSONB_TO_RECORDSET(CAST(:intents AS jsonb)) AS r (intent_id bigint)
    INNER JOIN device_association.line_intent AS i ON r.intent_id = i.id
    WHERE
        (
            SELECT COUNT(*) FROM dbo.M2M_DeviceChange AS m
            INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id AND c.IsDeleted = 0
            WHERE m.IsDeleted = 0 AND m.id = i.M2MDeviceChangeId AND m.IsProcessed = 0 AND m.Status = 'PROCESSING'
        ) = 1
)

UPDATE device_association.line_intent AS i
SET
    State = 'CALLING', LeaseOwner = :owner, LeaseUntil = :lease_until, Calls = Calls + 1, CalledDate = :now, ModifiedDate = :now
FROM asked AS r
WHERE
    i.id = r.id
    AND i.State = 'PLANNED'
    AND EXISTS (
        SELECT 1 FROM device_association.rev_line_owner AS o
        WHERE
            o.IntegrationAuthenticationId = i.IntegrationAuthenticationId
            AND o.RevServiceId = i.EndsRevServiceId
            AND o.ICCID = i.ICCID
    )
    AND EXISTS (
        SELECT 1 FROM device_association.change_state AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.call_budget AS b
        WHERE b.ConnectionId = :connection_id AND b.PausedUntil > :now
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.rev_product_step AS p WHERE p.IntentId = i.id AND p.State <> 'ENDED'
    )
    AND (
        NOT EXISTS (
            SELECT 1 FROM device_association.change_stop AS x
            WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number
        )
        OR EXISTS (SELECT 1 FROM device_association.rev_product_step AS p WHERE p.IntentId = i.id)
    )
RETURNING i.id AS intent_id
