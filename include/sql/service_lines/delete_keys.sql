-- Forgets the numbers of an account's lines, in the transaction that keeps what is listed now.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.revio_snapshot_line_key WHERE IntegrationAuthenticationId = :account_id
