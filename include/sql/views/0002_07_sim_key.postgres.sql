-- The digits that name a device's SIM, in each form that a plain number may have: its ICCID with and without the Luhn digit
-- (19 and 20 digits), and its number with and without the country code 1. sim_numbers.py says the same. Each branch reads one
-- table without a condition of its own: so a join with line_key becomes one search of an index for each.
-- Alembic runs this once.
CREATE VIEW device_association.sim_key AS
SELECT
    d.id AS DeviceId,
    1 AS IsSim,
    SUBSTRING(TRANSLATE(d.ICCID, U&' -\0009\000A\000B\000C\000D\00A0', '') FROM '^([0-9]+)[Ff]?$') AS Digits
FROM dbo.Device AS d
UNION ALL
SELECT
    c.DeviceId,
    1,
    CASE
        WHEN c.Digits ~ '^[0-9]{19,20}$'
            THEN CASE
                WHEN LENGTH(c.Digits) = 19 THEN CONCAT(c.Digits, c.CheckDigit)
                WHEN SUBSTR(c.Digits, 20) = c.CheckDigit THEN LEFT(c.Digits, 19)
            END
    END
FROM (
    SELECT
        n.DeviceId,
        n.Digits,
        SUBSTR(
            '0987654321',
            MOD(
                STRPOS('0516273849', SUBSTR(n.Digits, 1, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 2, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 3, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 4, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 5, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 6, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 7, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 8, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 9, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 10, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 11, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 12, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 13, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 14, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 15, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 16, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 17, 1)) + STRPOS('0123456789', SUBSTR(n.Digits, 18, 1))
                + STRPOS('0516273849', SUBSTR(n.Digits, 19, 1)) - 19,
                10
            ) + 1,
            1
        ) AS CheckDigit
    FROM (
        SELECT d.id AS DeviceId, CAST(d.ICCID AS text) AS Digits
        FROM dbo.Device AS d
        UNION ALL
        SELECT d.id, CASE WHEN d.ICCID ~ '[^0-9]' THEN SUBSTRING(TRANSLATE(d.ICCID, U&' -\0009\000A\000B\000C\000D\00A0', '') FROM '^([0-9]+)[Ff]?$') END
        FROM dbo.Device AS d
    ) AS n
) AS c
UNION ALL
SELECT d.id, 0, NULLIF(REGEXP_REPLACE(d.MSISDN, '[^0-9]', '', 'g'), '')
FROM dbo.Device AS d
UNION ALL
SELECT
    n.DeviceId,
    0,
    CASE
        WHEN LENGTH(n.Digits) = 10 THEN CONCAT('1', n.Digits)
        WHEN LENGTH(n.Digits) = 11 AND LEFT(n.Digits, 1) = '1' THEN SUBSTR(n.Digits, 2)
    END
FROM (
    SELECT d.id AS DeviceId, REGEXP_REPLACE(d.MSISDN, '[^0-9]', '', 'g') AS Digits
    FROM dbo.Device AS d
) AS n;
