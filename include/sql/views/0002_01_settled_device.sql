-- The checked, open rows whose line is settled or not asked for, with what each device is to get.
-- Alembic runs this once.
CREATE VIEW device_association.settled_device AS
SELECT
    m.BulkChangeId,
    m.id AS M2MDeviceChangeId,
    m.DeviceId,
    m.ICCID,
    m.MSISDN,
    c.TenantId,
    c.ServiceProviderId,
    s.id AS SiteId,
    k.RevCustomerId AS AccountNumber,
    k.CustomerName AS AccountName,
    k.IntegrationAuthenticationId AS AccountNumberIntegrationAuthenticationId,
    l.id AS RevServiceId,
    d.EffectiveDate,
    t.AddCustomerRatePlan,
    t.CustomerRatePlanId,
    t.CustomerRatePoolId,
    t.CustomerDataAllocationMB,
    t.AddCarrierRatePlan,
    t.CarrierRatePlan,
    t.CommPlan
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN dbo.RevCustomer AS k ON t.RevCustomerId = k.id
INNER JOIN dbo.Site AS s ON k.id = s.RevCustomerId AND c.TenantId = s.TenantId AND s.IsActive = 1 AND s.IsDeleted = 0
LEFT JOIN device_association.line_intent AS i ON m.id = i.M2MDeviceChangeId AND i.ReadyDate IS NOT NULL
LEFT JOIN dbo.RevService AS l
    ON i.RevServiceId = l.RevServiceId AND i.IntegrationAuthenticationId = l.IntegrationAuthenticationId
WHERE
    m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.DeviceId IS NOT NULL
    AND (t.CreateRevService = 0 OR i.ReadyDate IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.BulkChangeId = m.BulkChangeId);
