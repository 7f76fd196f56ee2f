-- Keeps the numbers by which records of an account that cannot be judged are found.
-- Safe to run twice: a number of a record is kept once.
INSERT INTO device_association.unjudged_line_key (IntegrationAuthenticationId, MatchKey, LineKey)
SELECT DISTINCT :account_id, k.match_key, k.line_key
FROM OPENJSON (:keys) WITH (match_key nvarchar(60) '$.match_key', line_key varchar(64) '$.line_key') AS k
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.unjudged_line_key AS x
        WHERE x.IntegrationAuthenticationId = :account_id AND x.MatchKey = k.match_key AND x.LineKey = k.line_key
    );
