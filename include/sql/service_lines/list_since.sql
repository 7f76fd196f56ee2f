-- The lines of an account that came to be known, or known differently, after a moment.
-- Safe to run twice: reads only.
SELECT
    v.RevServiceId AS service_id,
    v.CustomerNumber AS customer_number,
    v.Number AS number,
    v.Number2 AS number2,
    v.CreatedDate AS created,
    v.DisconnectedDate AS disconnected
FROM device_association.revio_snapshot_line AS v
WHERE v.IntegrationAuthenticationId = :account_id AND v.ShownDate > :since
