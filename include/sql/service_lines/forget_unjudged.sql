-- Forgets a record that could not be judged: Rev.io shows it differently now, or not at all.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.unjudged_line WHERE IntegrationAuthenticationId = :account_id AND LineKey = :line_key
