-- The records of an account that cannot be judged.
-- Safe to run twice: reads only.
SELECT u.LineKey AS line_key, u.Record AS record
FROM device_association.unjudged_line AS u
WHERE u.IntegrationAuthenticationId = :account_id
