-- What the ids in a SIM's history stand for: a line by Rev.io's own number, the rest by name. An id that is gone has no row.
-- Safe to run twice: reads only.
WITH kept AS (
    SELECT h.ChangedField AS changed_field, h.CurrentValue AS kept_value
    FROM dbo.DeviceActionHistory AS h
    WHERE h.ICCID = :iccid
    UNION
    SELECT h.ChangedField AS changed_field, h.PreviousValue AS kept_value
    FROM dbo.DeviceActionHistory AS h
    WHERE h.ICCID = :iccid
)

SELECT k.changed_field AS changed_field, k.kept_value AS kept_value, CAST(l.RevServiceId AS varchar(20)) AS shown_name
FROM kept AS k
INNER JOIN dbo.RevService AS l ON k.kept_value = CAST(l.id AS varchar(20))
WHERE
    k.changed_field = 'RevServiceId'
    AND (l.Number2 = :iccid OR l.Number IN (SELECT d.MSISDN FROM dbo.Device AS d WHERE d.ICCID = :iccid))
UNION ALL
SELECT k.changed_field AS changed_field, k.kept_value AS kept_value, s.Name AS shown_name
FROM kept AS k
INNER JOIN dbo.Site AS s ON k.kept_value = CAST(s.id AS varchar(20))
WHERE k.changed_field = 'SiteId'
UNION ALL
SELECT k.changed_field AS changed_field, k.kept_value AS kept_value, a.Name AS shown_name
FROM kept AS k
INNER JOIN dbo.Integration_Authentication AS a ON k.kept_value = CAST(a.id AS varchar(20))
WHERE k.changed_field = 'AccountNumberIntegrationAuthenticationId'
UNION ALL
SELECT k.changed_field AS changed_field, k.kept_value AS kept_value, p.RatePlanName AS shown_name
FROM kept AS k
INNER JOIN dbo.CustomerRatePlan AS p ON k.kept_value = CAST(p.id AS varchar(20))
WHERE k.changed_field = 'CustomerRatePlanId'
UNION ALL
SELECT k.changed_field AS changed_field, k.kept_value AS kept_value, o.Name AS shown_name
FROM kept AS k
INNER JOIN dbo.CustomerRatePool AS o ON k.kept_value = CAST(o.id AS varchar(20))
WHERE k.changed_field = 'CustomerRatePoolId'
UNION ALL
SELECT k.changed_field AS changed_field, k.kept_value AS kept_value, r.RatePlanCode AS shown_name
FROM kept AS k
INNER JOIN dbo.CarrierRatePlan AS r ON k.kept_value = CAST(r.id AS varchar(20))
WHERE k.changed_field = 'CarrierRatePlanId'
