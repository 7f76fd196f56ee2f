-- The digits by which a line of the mirror names a SIM: it is for those whose sim_key has the same IsSim and Digits. The
-- ICCID (IsSim 1) stands in Number2 or Number, the number (IsSim 0) in Number where Number2 is empty. The plain columns are
-- searched as they stand; IsPlain 0: the digits of spellings with anything else in them, of which there are few and for which
-- a portal has no index: read them once a statement. A line may have several rows, those of the past too.
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
    CASE WHEN l.Number2 COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN 1 END AS IsSim,
    l.Number2 AS Digits
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    1, CASE WHEN l.Number COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN 1 END, l.Number
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    1,
    CASE
        WHEN
            l.Number COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%'
            AND REPLACE(TRANSLATE(COALESCE(l.Number2, N'') COLLATE Latin1_General_BIN2, CONCAT(N' ', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'       '), N' ', N'') = N''
            THEN 0
    END,
    l.Number
FROM dbo.RevService AS l
UNION ALL
SELECT
    k.id, k.RevServiceId, k.IntegrationAuthenticationId, k.RevCustomerId, k.ActivatedDate, k.DisconnectedDate, k.IsDeleted,
    0, 1, CASE WHEN k.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
FROM (
    SELECT
        b.id, b.RevServiceId, b.IntegrationAuthenticationId, b.RevCustomerId, b.ActivatedDate, b.DisconnectedDate, b.IsDeleted,
        CASE WHEN b.Number2 COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%' THEN LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) END AS Digits
    FROM (
        SELECT
            l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
            l.Number2,
            REPLACE(TRANSLATE(l.Number2 COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
        FROM dbo.RevService AS l
    ) AS b
) AS k
UNION ALL
SELECT
    k.id, k.RevServiceId, k.IntegrationAuthenticationId, k.RevCustomerId, k.ActivatedDate, k.DisconnectedDate, k.IsDeleted,
    0, 1, CASE WHEN k.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
FROM (
    SELECT
        b.id, b.RevServiceId, b.IntegrationAuthenticationId, b.RevCustomerId, b.ActivatedDate, b.DisconnectedDate, b.IsDeleted,
        CASE WHEN b.Number COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%' THEN LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) END AS Digits
    FROM (
        SELECT
            l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
            l.Number,
            REPLACE(TRANSLATE(l.Number COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
        FROM dbo.RevService AS l
    ) AS b
) AS k
UNION ALL
SELECT
    j.id, j.RevServiceId, j.IntegrationAuthenticationId, j.RevCustomerId, j.ActivatedDate, j.DisconnectedDate, j.IsDeleted,
    0,
    CASE
        WHEN
            j.Number COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%'
            AND REPLACE(TRANSLATE(COALESCE(j.Number2, N'') COLLATE Latin1_General_BIN2, CONCAT(N' ', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'       '), N' ', N'') = N''
            THEN 0
    END,
    CAST(REPLACE(TRANSLATE(j.Number COLLATE Latin1_General_BIN2, j.Junk, REPLICATE(N' ', LEN(j.Junk))), N' ', N'') AS nvarchar(255)) COLLATE DATABASE_DEFAULT
FROM (
    SELECT
        l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
        l.Number,
        l.Number2,
        CONCAT(N'-', REPLACE(TRANSLATE(l.Number COLLATE Latin1_General_BIN2, N'0123456789', N'          '), N' ', N'')) AS Junk
    FROM dbo.RevService AS l
) AS j;
