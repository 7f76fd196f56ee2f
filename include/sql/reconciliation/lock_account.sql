-- Lets one reconciliation after the other write for an account, until this transaction has ended.
-- Safe to run twice: nothing changes.
UPDATE device_association.revio_snapshot SET LineCount = LineCount WHERE IntegrationAuthenticationId = :account_id
