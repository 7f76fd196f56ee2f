-- The open rows of a change with everything they name resolved, for the data checks. A revert needs no site of the customer
-- from whom it takes the devices. An activation date in the year 1, as other programs write none, is none.
-- Safe to run twice: reads only.
SELECT
    m.id AS row_id,
    m.ICCID AS iccid,
    m.DeviceId AS device_id,
    k.RevCustomerId AS customer_number,
    LOWER(CAST(t.RevCustomerId AS varchar(36))) AS rev_customer_id,
    CASE WHEN back.BulkChangeId IS NULL THEN s.id ELSE COALESCE(s.id, 0) END AS site_id,
    CASE WHEN v.id IS NULL THEN 0 ELSE 1 END AS device_resolved,
    CASE WHEN t.CreateRevService = 0 OR a.id IS NOT NULL THEN 1 ELSE 0 END AS account_resolved,
    CASE
        WHEN t.AddCustomerRatePlan = 1 AND t.CustomerRatePlanId IS NOT NULL AND p.id IS NULL THEN 0
        WHEN t.AddCustomerRatePlan = 1 AND t.CustomerRatePoolId IS NOT NULL AND o.id IS NULL THEN 0
        WHEN t.AddCarrierRatePlan = 1 AND r.id IS NULL THEN 0
        ELSE 1
    END AS plan_resolved,
    COALESCE(
        d.EffectiveDate,
        CASE WHEN v.DateActivated >= '1753-01-01' THEN v.DateActivated END,
        (
            SELECT MIN(h.DateOfChange)
            FROM dbo.DeviceStatusHistory AS h
            INNER JOIN dbo.DeviceStatus AS x ON UPPER(h.CurrentStatus) = UPPER(x.Status) AND x.IsActiveStatus = 1
            WHERE h.ICCID = m.ICCID
        ),
        :now
    ) AS effective_date
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
LEFT JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
LEFT JOIN device_association.request_terms AS t ON d.TermsId = t.id
LEFT JOIN dbo.Device AS v ON m.DeviceId = v.id AND v.IsDeleted = 0
LEFT JOIN dbo.RevCustomer AS k ON t.RevCustomerId = k.id
LEFT JOIN dbo.Site AS s ON k.id = s.RevCustomerId AND c.TenantId = s.TenantId AND s.IsActive = 1 AND s.IsDeleted = 0
LEFT JOIN dbo.Integration_Authentication AS a ON k.IntegrationAuthenticationId = a.id
LEFT JOIN dbo.CustomerRatePlan AS p ON t.CustomerRatePlanId = p.id AND p.IsDeleted = 0
LEFT JOIN dbo.CustomerRatePool AS o ON t.CustomerRatePoolId = o.id AND o.IsDeleted = 0
LEFT JOIN dbo.CarrierRatePlan AS r
    ON t.CarrierRatePlan = r.RatePlanCode AND c.ServiceProviderId = r.ServiceProviderId AND r.IsDeleted = 0
LEFT JOIN device_association.reversal AS back ON m.BulkChangeId = back.BulkChangeId
WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.IsDeleted = 0
ORDER BY m.id
