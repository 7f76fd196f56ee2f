-- Keeps the numbers by which lines of an account are found.
-- Safe to run twice: a number of a line is kept once.
INSERT INTO device_association.revio_snapshot_line_key (IntegrationAuthenticationId, MatchKey, RevServiceId)
SELECT DISTINCT :account_id, k.match_key, k.service_id
FROM OPENJSON (:keys) WITH (match_key nvarchar(60) '$.match_key', service_id int '$.service_id') AS k
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.revio_snapshot_line_key AS x
        WHERE
            x.IntegrationAuthenticationId = :account_id AND x.MatchKey = k.match_key AND x.RevServiceId = k.service_id
    );
