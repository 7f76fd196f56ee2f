-- Who else has, or is just asking for, a line for the SIM of an intent; no row: nobody. The condition is that of begin_call.
-- Safe to run twice: reads only.
SELECT MIN(x.said) AS said
FROM (
    SELECT CONCAT('line ', l.RevServiceId, ' is active for this SIM') AS said
    FROM device_association.rev_intent AS i
    INNER JOIN dbo.RevService AS l ON i.ICCID = l.Number2
    WHERE i.id = :intent_id AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    UNION ALL
    SELECT CONCAT('bulk change ', o.BulkChangeId, ' asks for a line for this SIM in another account') AS said
    FROM device_association.rev_intent AS i
    INNER JOIN device_association.rev_intent AS o ON i.ICCID = o.ICCID
    WHERE
        i.id = :intent_id
        AND o.id <> i.id
        AND (o.State IN ('CALLING', 'UNKNOWN') OR (o.State = 'PLANNED' AND o.id < i.id))
) AS x
HAVING COUNT(*) > 0
