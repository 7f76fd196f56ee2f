-- When an account was listed last, and whether that showed all of it.
-- Safe to run twice: reads only.
SELECT g.ListedDate AS listed, g.IsWhole AS is_whole
FROM device_association.revio_snapshot AS g
WHERE g.IntegrationAuthenticationId = :account_id
