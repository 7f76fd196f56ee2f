-- Which devices of an account's tenants a line is for: it names the ICCID, or the MSISDN and no SIM, or they are linked to it.
-- Alembic runs this once.
CREATE VIEW device_association.line_device AS
SELECT
    p.LineId AS LineId,
    p.AccountId AS AccountId,
    x.id AS DeviceTenantId,
    x.TenantId AS TenantId,
    x.AccountNumber AS AccountNumber,
    x.AccountNumberIntegrationAuthenticationId AS AccountNumberIntegrationAuthenticationId,
    d.id AS DeviceId,
    d.ICCID AS ICCID,
    CASE WHEN d.IsActive = 0 OR UPPER(s.Status) = 'ARCHIVED' THEN 1 ELSE 0 END AS IsArchived
FROM (
    SELECT l.LineId, l.AccountId, k.DeviceId
    FROM device_association.sim_key AS k
    INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
    UNION
    SELECT l.id, l.IntegrationAuthenticationId, y.DeviceId
    FROM dbo.Device_Tenant AS y
    INNER JOIN dbo.RevService AS l ON y.RevServiceId = l.id
    WHERE y.IsDeleted = 0
) AS p
INNER JOIN dbo.Device AS d ON p.DeviceId = d.id AND d.IsDeleted = 0
INNER JOIN dbo.Device_Tenant AS x ON d.id = x.DeviceId AND x.IsDeleted = 0
INNER JOIN dbo.Integration_Authentication AS a ON p.AccountId = a.id
INNER JOIN dbo.Tenant AS own ON a.TenantId = own.id
INNER JOIN dbo.Tenant AS t
    ON x.TenantId = t.id AND (t.id = own.id OR t.ParentTenantId = own.id OR t.id = own.ParentTenantId)
LEFT JOIN dbo.DeviceStatus AS s ON d.DeviceStatusId = s.id;
