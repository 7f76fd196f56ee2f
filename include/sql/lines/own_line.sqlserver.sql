-- Says which SIM a line belongs to.
-- Safe to run twice: the first SIM stays; the caller compares it.
INSERT INTO device_association.rev_line_owner (IntegrationAuthenticationId, RevServiceId, ICCID, CreatedDate)
SELECT :account_id, :service_id, :iccid, :now
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.rev_line_owner AS o WITH (UPDLOCK, HOLDLOCK)
        WHERE o.IntegrationAuthenticationId = :account_id AND o.RevServiceId = :service_id
    );
