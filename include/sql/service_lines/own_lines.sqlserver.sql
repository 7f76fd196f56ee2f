-- Says which SIMs lines belong to.
-- Safe to run twice: the first SIM stays; the caller compares it.
INSERT INTO device_association.rev_line_owner (IntegrationAuthenticationId, RevServiceId, ICCID, CreatedDate)
SELECT r.account_id, r.service_id, MIN(r.number2), :now
FROM
    OPENJSON (:lines)
    WITH (account_id int '$.account_id', service_id int '$.service_id', number2 nvarchar(50) '$.number2') AS r
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.rev_line_owner AS o WITH (UPDLOCK, HOLDLOCK)
        WHERE o.IntegrationAuthenticationId = r.account_id AND o.RevServiceId = r.service_id
    )
GROUP BY r.account_id, r.service_id;
