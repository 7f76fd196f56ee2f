-- Keeps the numbers by which records of an account that cannot be judged are found.
-- Safe to run twice: a number of a record is kept once.
INSERT INTO device_association.unjudged_line_key (IntegrationAuthenticationId, MatchKey, LineKey)
SELECT :account_id, k.match_key, k.line_key
FROM JSONB_TO_RECORDSET(CAST(:keys AS jsonb)) AS k (match_key text, line_key text)
ON CONFLICT (IntegrationAuthenticationId, MatchKey, LineKey) DO NOTHING
