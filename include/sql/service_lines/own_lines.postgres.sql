-- Says which SIMs lines belong to.
-- Safe to run twice: the first SIM stays; the caller compares it.
INSERT INTO device_association.rev_line_owner (IntegrationAuthenticationId, RevServiceId, ICCID, CreatedDate)
SELECT r.account_id, r.service_id, r.number2, :now
FROM JSONB_TO_RECORDSET(CAST(:lines AS jsonb)) AS r (account_id int, service_id int, number2 text)
ON CONFLICT (IntegrationAuthenticationId, RevServiceId) DO NOTHING
