-- How many lines of a customer an account showed last, the disconnected ones too: a list has them all.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS line_count
FROM device_association.revio_snapshot_line AS v
WHERE v.IntegrationAuthenticationId = :account_id AND v.CustomerNumber = :customer_number
