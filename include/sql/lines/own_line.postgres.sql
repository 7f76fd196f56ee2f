-- Says which SIM a line belongs to.
-- Safe to run twice: the first SIM stays; the caller compares it.
INSERT INTO device_association.rev_line_owner (IntegrationAuthenticationId, RevServiceId, ICCID, CreatedDate)
VALUES (:account_id, :service_id, :iccid, :now)
ON CONFLICT (IntegrationAuthenticationId, RevServiceId) DO NOTHING
