-- Who else has, or is just asking for, a line for the SIM of an intent; no row: nobody. The condition is that of begin_calls.
-- Safe to run twice: reads only.
SELECT MIN(x.reason) AS reason, MAX(x.is_other) AS is_other
FROM (
    SELECT
        CONCAT('line ', l.RevServiceId, ' is active for this SIM') AS reason,
        CASE WHEN l.RevCustomerId = i.RevCustomerId THEN 0 ELSE 1 END AS is_other
    FROM device_association.line_intent AS i
    INNER JOIN device_association.sim_key AS k ON i.DeviceId = k.DeviceId
    INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
    WHERE i.id = :intent_id AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    UNION ALL
    SELECT
        CONCAT('line ', l.RevServiceId, ' is active for this SIM') AS reason,
        CASE WHEN l.RevCustomerId = i.RevCustomerId THEN 0 ELSE 1 END AS is_other
    FROM device_association.line_intent AS i
    INNER JOIN dbo.Device_Tenant AS t ON i.DeviceId = t.DeviceId AND t.IsDeleted = 0
    INNER JOIN dbo.RevService AS l ON t.RevServiceId = l.id
    WHERE i.id = :intent_id AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    UNION ALL
    SELECT CONCAT('Rev.io shows line ', u.RevServiceId, ' of another account as active for this SIM') AS reason, 1 AS is_other
    FROM device_association.line_intent AS i
    INNER JOIN device_association.sim_key AS k ON i.DeviceId = k.DeviceId
    INNER JOIN device_association.unmirrored_line AS u
        ON u.MatchKey = CONCAT(CASE k.IsSim WHEN 1 THEN 'I' ELSE 'N' END, k.Digits)
    WHERE
        i.id = :intent_id
        AND u.AccountId <> i.IntegrationAuthenticationId
        AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
    UNION ALL
    SELECT
        CONCAT(
            'Rev.io shows a record of another account with this SIM''s digits that cannot be judged, ',
            CASE WHEN u.RevServiceId IS NULL THEN 'without an id' ELSE CONCAT('line ', u.RevServiceId) END
        ) AS reason,
        1 AS is_other
    FROM device_association.line_intent AS i
    INNER JOIN device_association.unjudged_sim AS u ON i.DeviceId = u.DeviceId
    WHERE
        i.id = :intent_id
        AND u.AccountId <> i.IntegrationAuthenticationId
        AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
    UNION ALL
    SELECT CONCAT('bulk change ', o.BulkChangeId, ' asks for a line for this SIM in another account') AS reason, 1 AS is_other
    FROM device_association.line_intent AS i
    INNER JOIN device_association.line_intent AS o ON i.ICCID = o.ICCID
    WHERE
        i.id = :intent_id
        AND o.id <> i.id
        AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < i.id))
    UNION ALL
    SELECT
        CONCAT('bulk change ', o.BulkChangeId, ' asks for a line for this SIM, there written ', o.ICCID) AS reason,
        1 AS is_other
    FROM device_association.line_intent AS i
    INNER JOIN device_association.sim_key AS k ON i.DeviceId = k.DeviceId AND k.IsSim = 1 AND i.ICCID <> k.Digits
    INNER JOIN device_association.line_intent AS o ON k.Digits = o.ICCID
    WHERE
        i.id = :intent_id
        AND o.id <> i.id
        AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < i.id))
) AS x
HAVING COUNT(*) > 0
