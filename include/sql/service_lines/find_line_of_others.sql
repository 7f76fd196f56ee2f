-- An active line of another customer, which this customer's list must not show.
-- Safe to run twice: reads only.
SELECT v.RevServiceId AS service_id
FROM device_association.revio_snapshot_line AS v
WHERE v.IntegrationAuthenticationId = :account_id AND v.CustomerNumber <> :customer_number AND v.DisconnectedDate IS NULL
ORDER BY v.RevServiceId DESC OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY -- noqa: PRS
