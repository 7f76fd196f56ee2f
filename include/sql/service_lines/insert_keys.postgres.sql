-- Keeps the numbers by which lines of an account are found.
-- Safe to run twice: a number of a line is kept once.
INSERT INTO device_association.revio_snapshot_line_key (IntegrationAuthenticationId, MatchKey, RevServiceId)
SELECT :account_id, k.match_key, k.service_id
FROM JSONB_TO_RECORDSET(CAST(:keys AS jsonb)) AS k (match_key text, service_id int)
ON CONFLICT (IntegrationAuthenticationId, MatchKey, RevServiceId) DO NOTHING
