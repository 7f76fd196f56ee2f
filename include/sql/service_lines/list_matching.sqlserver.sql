-- The lines of an account that have one of some numbers.
-- Safe to run twice: reads only.
SELECT DISTINCT
    v.RevServiceId AS service_id,
    v.CustomerNumber AS customer_number,
    v.Number AS number,
    v.Number2 AS number2,
    v.CreatedDate AS created,
    v.DisconnectedDate AS disconnected
FROM
    OPENJSON (:keys) WITH (match_key nvarchar(60) '$.match_key') AS k
INNER JOIN device_association.revio_snapshot_line_key AS n
    ON n.IntegrationAuthenticationId = :account_id AND k.match_key = n.MatchKey
INNER JOIN device_association.revio_snapshot_line AS v
    ON n.IntegrationAuthenticationId = v.IntegrationAuthenticationId AND n.RevServiceId = v.RevServiceId
