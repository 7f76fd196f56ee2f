-- Forgets what was listed of an account before and is not shown so now, in the transaction that keeps what is listed now.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.revio_snapshot_line WHERE IntegrationAuthenticationId = :account_id AND ListedDate <> :listed
