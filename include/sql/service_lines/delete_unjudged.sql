-- Forgets the records of an account that could not be judged, in the transaction that keeps what is listed now.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.unjudged_line WHERE IntegrationAuthenticationId = :account_id
