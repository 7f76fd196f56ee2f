-- Begins the calls for SIMs and returns which may be made: the intent is planned, what Rev.io shows of the SIM was looked at
-- lately, the run holds the change, nobody has stopped it or turned the account away, and nobody has a line for this SIM (in
-- any spelling, or linked to its device, or shown in another account: the own one was looked at) or asks for one in whatever
-- account and spelling; of two that are planned the older one goes.
-- Safe to run twice: only one worker finds an intent planned. A SIM that is not returned must not be called for.
DECLARE @begun TABLE (intent_id bigint NOT NULL);
DECLARE @billed TABLE (intent_id bigint NOT NULL);
-- Spellings that no index serves: the table is read once, whatever the optimizer thinks of the number of intents.
INSERT INTO @billed (intent_id)
SELECT i.id
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id') AS r
INNER JOIN device_association.line_intent AS i ON r.intent_id = i.id
INNER JOIN device_association.sim_key AS k ON i.DeviceId = k.DeviceId
INNER HASH JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
WHERE l.IsPlain = 0 AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now);
UPDATE device_association.line_intent
SET
    State = 'CALLING', LeaseOwner = :owner, LeaseUntil = :lease_until, Calls = Calls + 1, CalledDate = :now,
    CalledBody = r.body, ModifiedDate = :now
OUTPUT INSERTED.id INTO @begun (intent_id)
FROM OPENJSON (:intents) WITH (intent_id bigint '$.intent_id', body nvarchar(MAX) '$.body' AS JSON) AS r
WHERE
    device_association.line_intent.id = r.intent_id
    AND device_association.line_intent.State = 'PLANNED'
    AND device_association.line_intent.LookedDate > :looked_after
    AND EXISTS (
        SELECT 1 FROM device_association.change_state AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.change_stop AS x
        WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number
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
        SELECT 1
        FROM device_association.sim_key AS k
        INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
        WHERE
            k.DeviceId = device_association.line_intent.DeviceId
            AND l.IsPlain = 1
            AND l.IsDeleted = 0
            AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    )
    AND NOT EXISTS (
        SELECT 1
        FROM dbo.Device_Tenant AS t
        INNER JOIN dbo.RevService AS l ON t.RevServiceId = l.id
        WHERE
            t.DeviceId = device_association.line_intent.DeviceId
            AND t.IsDeleted = 0
            AND l.IsDeleted = 0
            AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    )
    AND NOT EXISTS (SELECT 1 FROM @billed AS b WHERE b.intent_id = device_association.line_intent.id)
    AND NOT EXISTS (
        SELECT 1
        FROM device_association.sim_key AS k
        INNER JOIN device_association.unmirrored_line AS u
            ON u.MatchKey = CONCAT(CASE k.IsSim WHEN 1 THEN 'I' ELSE 'N' END, k.Digits)
        WHERE
            k.DeviceId = device_association.line_intent.DeviceId
            AND u.AccountId <> device_association.line_intent.IntegrationAuthenticationId
            AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.unjudged_sim AS u
        WHERE
            u.DeviceId = device_association.line_intent.DeviceId
            AND u.AccountId <> device_association.line_intent.IntegrationAuthenticationId
            AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS o
        WHERE
            o.ICCID = device_association.line_intent.ICCID
            AND o.id <> device_association.line_intent.id
            AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < device_association.line_intent.id))
    )
    AND NOT EXISTS (
        SELECT 1
        FROM device_association.sim_key AS k
        INNER JOIN device_association.line_intent AS o ON k.Digits = o.ICCID
        WHERE
            k.DeviceId = device_association.line_intent.DeviceId
            AND k.IsSim = 1
            AND o.id <> device_association.line_intent.id
            AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < device_association.line_intent.id))
    );
SELECT intent_id FROM @begun;
