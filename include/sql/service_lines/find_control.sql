-- A line of an account that filters on its numbers have to find: the newest that has both.
-- Safe to run twice: reads only.
SELECT v.RevServiceId AS service_id, v.Number AS number, v.Number2 AS number2
FROM device_association.revio_snapshot_line AS v
WHERE
    v.IntegrationAuthenticationId = :account_id
    AND v.Number <> ''
    AND v.Number2 <> ''
    AND v.DisconnectedDate IS NULL
ORDER BY v.RevServiceId DESC OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY -- noqa: PRS
