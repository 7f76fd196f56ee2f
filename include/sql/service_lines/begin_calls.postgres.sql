-- Begins the calls for SIMs and returns which may be made: the intent is planned, what Rev.io shows of the SIM was looked at
-- lately, the run holds the change, nobody has stopped it or turned the account away, and nobody has a line for this SIM (in
-- any spelling, or linked to its device, or shown in another account: the own one was looked at) or asks for one in whatever
-- account and spelling; of two that are planned the older one goes.
-- Safe to run twice: only one worker finds an intent planned. A SIM that is not returned must not be called for.
-- The conditions are found once for each intent, whatever PostgreSQL believes of their number: counted, since it may read whole
-- views and tables for NOT EXISTS.
WITH asked AS MATERIALIZED (
    SELECT i.id, i.M2MDeviceChangeId, i.DeviceId, i.ICCID, i.IntegrationAuthenticationId, r.body
    FROM JSONB_TO_RECORDSET(CAST(:intents AS jsonb)) AS r (intent_id bigint, body text)
    INNER JOIN device_association.line_intent AS i ON r.intent_id = i.id
),

free AS MATERIALIZED (
    SELECT r.id, r.body
    FROM asked AS r
    WHERE
        (
            SELECT COUNT(*)
            FROM dbo.M2M_DeviceChange AS m
            INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id AND c.IsDeleted = 0
            WHERE m.IsDeleted = 0 AND m.id = r.M2MDeviceChangeId AND m.IsProcessed = 0 AND m.Status = 'PROCESSING'
        ) = 1
        AND (
            SELECT COUNT(*)
            FROM device_association.sim_key AS k
            INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
            WHERE
                k.DeviceId = r.DeviceId
                AND l.IsDeleted = 0
                AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
        ) = 0
        AND (
            SELECT COUNT(*)
            FROM dbo.Device_Tenant AS t
            INNER JOIN dbo.RevService AS l ON t.RevServiceId = l.id
            WHERE
                t.DeviceId = r.DeviceId
                AND t.IsDeleted = 0
                AND l.IsDeleted = 0
                AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
        ) = 0
        AND (
            SELECT COUNT(*)
            FROM device_association.sim_key AS k
            INNER JOIN device_association.unmirrored_line AS u
                ON u.MatchKey = CONCAT(CASE k.IsSim WHEN 1 THEN 'I' ELSE 'N' END, k.Digits)
            WHERE
                k.DeviceId = r.DeviceId
                AND u.AccountId <> r.IntegrationAuthenticationId
                AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
        ) = 0
        AND (
            SELECT COUNT(*) FROM device_association.unjudged_sim AS u
            WHERE
                u.DeviceId = r.DeviceId
                AND u.AccountId <> r.IntegrationAuthenticationId
                AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
        ) = 0
        AND (
            SELECT COUNT(*) FROM device_association.line_intent AS o
            WHERE
                o.ICCID = r.ICCID
                AND o.id <> r.id
                AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < r.id))
        ) = 0
        AND (
            SELECT COUNT(*)
            FROM device_association.sim_key AS k
            INNER JOIN device_association.line_intent AS o ON k.Digits = o.ICCID
            WHERE
                k.DeviceId = r.DeviceId
                AND k.IsSim = 1
                AND o.id <> r.id
                AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < r.id))
        ) = 0
)

UPDATE device_association.line_intent AS i
SET
    State = 'CALLING', LeaseOwner = :owner, LeaseUntil = :lease_until, Calls = Calls + 1, CalledDate = :now,
    CalledBody = r.body, ModifiedDate = :now
FROM free AS r
WHERE
    i.id = r.id
    AND i.State = 'PLANNED'
    AND i.LookedDate > :looked_after
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
RETURNING i.id AS intent_id
