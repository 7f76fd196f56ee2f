-- The digits that name a device's SIM, in each form that a plain number may have: its ICCID with and without the Luhn digit
-- (19 and 20 digits), and its number with and without the country code 1. sim_numbers.py says the same. What is taken out of
-- a number is compared by its code (BIN2), and the result has the database's own collation again, as the columns that it is
-- searched in. Each branch reads one table without a condition of its own, as its twin for PostgreSQL.
-- Alembic runs this once.
CREATE VIEW device_association.sim_key AS
SELECT
    k.DeviceId AS DeviceId,
    1 AS IsSim,
    CASE WHEN k.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND k.Digits <> N'' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END AS Digits
FROM (
    SELECT
        b.DeviceId,
        LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) AS Digits
    FROM (
        SELECT
            d.id AS DeviceId,
            REPLACE(TRANSLATE(d.ICCID COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
        FROM dbo.Device AS d
    ) AS b
) AS k
UNION ALL
SELECT
    c.DeviceId,
    1,
    CASE
        WHEN c.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND LEN(c.Digits) = 19
            THEN CAST(CONCAT(c.Digits, c.CheckDigit) AS nvarchar(255)) COLLATE DATABASE_DEFAULT
        WHEN c.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND LEN(c.Digits) = 20
            THEN CASE WHEN SUBSTRING(c.Digits, 20, 1) = c.CheckDigit THEN CAST(LEFT(c.Digits, 19) AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
    END
FROM (
    SELECT
        n.DeviceId,
        n.Digits,
        SUBSTRING(
            N'0987654321',
            ABS(
                CHARINDEX(SUBSTRING(n.Digits, 1, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 2, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 3, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 4, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 5, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 6, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 7, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 8, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 9, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 10, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 11, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 12, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 13, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 14, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 15, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 16, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 17, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 18, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 19, 1), N'0516273849') - 19
            ) % 10 + 1,
            1
        ) AS CheckDigit
    FROM (
        SELECT
            d.id AS DeviceId,
            d.ICCID AS Digits
        FROM dbo.Device AS d
        UNION ALL
        SELECT
            b.DeviceId,
            CASE
                WHEN b.ICCID COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%'
                    THEN CAST(LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) AS nvarchar(50)) COLLATE DATABASE_DEFAULT
            END AS Digits
        FROM (
            SELECT
                d.id AS DeviceId,
                d.ICCID,
                REPLACE(TRANSLATE(d.ICCID COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
            FROM dbo.Device AS d
        ) AS b
    ) AS n
) AS c
UNION ALL
SELECT
    k.DeviceId,
    0,
    CASE WHEN k.Digits <> N'' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
FROM (
    SELECT
        j.DeviceId,
        REPLACE(TRANSLATE(j.MSISDN COLLATE Latin1_General_BIN2, j.Junk, REPLICATE(N' ', LEN(j.Junk))), N' ', N'') AS Digits
    FROM (
        SELECT
            d.id AS DeviceId,
            d.MSISDN,
            CONCAT(N'-', REPLACE(TRANSLATE(d.MSISDN COLLATE Latin1_General_BIN2, N'0123456789', N'          '), N' ', N'')) AS Junk
        FROM dbo.Device AS d
    ) AS j
) AS k
UNION ALL
SELECT
    k.DeviceId,
    0,
    CASE
        WHEN LEN(k.Digits) = 10 THEN CAST(CONCAT(N'1', k.Digits) AS nvarchar(255)) COLLATE DATABASE_DEFAULT
        WHEN LEN(k.Digits) = 11 AND LEFT(k.Digits, 1) = N'1' THEN CAST(SUBSTRING(k.Digits, 2, 10) AS nvarchar(255)) COLLATE DATABASE_DEFAULT
    END
FROM (
    SELECT
        j.DeviceId,
        REPLACE(TRANSLATE(j.MSISDN COLLATE Latin1_General_BIN2, j.Junk, REPLICATE(N' ', LEN(j.Junk))), N' ', N'') AS Digits
    FROM (
        SELECT
            d.id AS DeviceId,
            d.MSISDN,
            CONCAT(N'-', REPLACE(TRANSLATE(d.MSISDN COLLATE Latin1_General_BIN2, N'0123456789', N'          '), N' ', N'')) AS Junk
        FROM dbo.Device AS d
    ) AS j
) AS k;
