-- A page of the devices that the user may see, from behind one, by the beginning of a number and by service provider.
-- Safe to run twice: reads only.
SELECT
    x.id AS device_tenant_id,
    d.id AS device_id,
    d.ICCID AS iccid,
    d.MSISDN AS msisdn,
    d.IMEI AS imei,
    d.ServiceProviderId AS service_provider_id,
    COALESCE(p.DisplayName, p.Name) AS service_provider,
    COALESCE(s.DisplayName, s.Status) AS status,
    d.DateActivated AS date_activated,
    t.Name AS tenant_name,
    x.AccountNumber AS customer_number,
    k.CustomerName AS customer_name,
    l.RevServiceId AS line,
    c.RatePlanName AS customer_rate_plan,
    o.Name AS customer_rate_pool,
    x.CustomerDataAllocationMB AS customer_data_allocation_mb,
    r.RatePlanCode AS carrier_rate_plan
FROM device_association.visible_device AS v
INNER JOIN dbo.Device_Tenant AS x ON v.DeviceTenantId = x.id
INNER JOIN dbo.Device AS d ON x.DeviceId = d.id
INNER JOIN dbo.Tenant AS t ON x.TenantId = t.id
INNER JOIN dbo.ServiceProvider AS p ON d.ServiceProviderId = p.id
LEFT JOIN dbo.DeviceStatus AS s ON d.DeviceStatusId = s.id
LEFT JOIN dbo.RevCustomer AS k
    ON
        x.AccountNumber = k.RevCustomerId
        AND COALESCE(x.AccountNumberIntegrationAuthenticationId, 0) = COALESCE(k.IntegrationAuthenticationId, 0)
LEFT JOIN dbo.RevService AS l ON x.RevServiceId = l.id
LEFT JOIN dbo.CustomerRatePlan AS c ON x.CustomerRatePlanId = c.id
LEFT JOIN dbo.CustomerRatePool AS o ON x.CustomerRatePoolId = o.id
LEFT JOIN dbo.CarrierRatePlan AS r ON d.CarrierRatePlanId = r.id
WHERE
    v.UserId = :user_id
    AND v.DeviceTenantId > :after
    AND d.IsDeleted = 0
    AND d.ServiceProviderId = COALESCE(:service_provider_id, d.ServiceProviderId)
    AND (
        :begins_with IS NULL
        OR d.ICCID LIKE :begins_with ESCAPE '!'
        OR d.MSISDN LIKE :begins_with ESCAPE '!'
        OR d.IMEI LIKE :begins_with ESCAPE '!'
    )
ORDER BY x.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
