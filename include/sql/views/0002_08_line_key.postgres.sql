-- The digits by which a line of the mirror names a SIM: it is for those whose sim_key has the same IsSim and Digits. The
-- ICCID (IsSim 1) stands in Number2 or Number, the number (IsSim 0) in Number where Number2 is empty. The plain columns are
-- searched as they stand; IsPlain 0: the digits of spellings with anything else in them, of which there are few. A line may
-- have several rows, those of the past too.
-- Alembic runs this once.
CREATE VIEW device_association.line_key AS
SELECT
    l.id AS LineId,
    l.RevServiceId AS RevServiceId,
    l.IntegrationAuthenticationId AS AccountId,
    l.RevCustomerId AS RevCustomerId,
    l.ActivatedDate AS ActivatedDate,
    l.DisconnectedDate AS DisconnectedDate,
    l.IsDeleted AS IsDeleted,
    1 AS IsPlain,
    1 AS IsSim,
    CAST(l.Number2 AS text) AS Digits
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    1, 1, CAST(l.Number AS text)
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    1, CASE WHEN LTRIM(COALESCE(l.Number2, ''), U&' \0009\000A\000B\000C\000D\00A0') = '' THEN 0 END, CAST(l.Number AS text)
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    0, 1, CASE WHEN l.Number2 ~ '[^0-9]' THEN SUBSTRING(TRANSLATE(l.Number2, U&' -\0009\000A\000B\000C\000D\00A0', '') FROM '^([0-9]+)[Ff]?$') END
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    0, 1, CASE WHEN l.Number ~ '[^0-9]' THEN SUBSTRING(TRANSLATE(l.Number, U&' -\0009\000A\000B\000C\000D\00A0', '') FROM '^([0-9]+)[Ff]?$') END
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    0, CASE WHEN LTRIM(COALESCE(l.Number2, ''), U&' \0009\000A\000B\000C\000D\00A0') = '' THEN 0 END, CASE WHEN l.Number ~ '[^0-9]' THEN REGEXP_REPLACE(l.Number, '[^0-9]', '', 'g') END
FROM dbo.RevService AS l;
