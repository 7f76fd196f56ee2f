-- The terms of a bulk change that still have an open row, each with its customer as it is now.
-- Safe to run twice: reads only.
SELECT
    t.id AS terms_id,
    t.RevCustomerId AS rev_customer_id,
    t.CreateRevService AS create_rev_service,
    t.ServiceTypeId AS service_type_id,
    t.ProviderId AS provider_id,
    t.UsagePlanGroupId AS usage_plan_group_id,
    t.RevPackageId AS rev_package_id,
    t.RevProductIdList AS rev_product_id_list,
    t.RateList AS rate_list,
    t.Prorate AS prorate,
    t.Description AS description,
    t.AddCarrierRatePlan AS add_carrier_rate_plan,
    t.CarrierRatePlan AS carrier_rate_plan,
    t.CommPlan AS comm_plan,
    t.AddCustomerRatePlan AS add_customer_rate_plan,
    t.CustomerRatePlanId AS customer_rate_plan_id,
    t.CustomerRatePoolId AS customer_rate_pool_id,
    t.CustomerDataAllocationMB AS customer_data_allocation_mb,
    c.RevCustomerId AS customer_number,
    c.CustomerName AS customer_name,
    c.Status AS customer_status,
    c.CloseDate AS customer_close_date,
    c.IntegrationAuthenticationId AS account_id,
    s.id AS site_id
FROM device_association.request_terms AS t
INNER JOIN dbo.DeviceBulkChange AS b ON t.BulkChangeId = b.id
LEFT JOIN dbo.RevCustomer AS c ON t.RevCustomerId = c.id AND b.TenantId = c.TenantId AND c.IsDeleted = 0
LEFT JOIN dbo.Site AS s ON c.id = s.RevCustomerId AND b.TenantId = s.TenantId AND s.IsActive = 1 AND s.IsDeleted = 0
WHERE
    t.BulkChangeId = :bulk_change_id
    AND EXISTS (
        SELECT 1
        FROM device_association.requested_device AS d
        INNER JOIN dbo.M2M_DeviceChange AS m ON d.M2MDeviceChangeId = m.id
        WHERE d.TermsId = t.id AND d.BulkChangeId = t.BulkChangeId AND m.IsProcessed = 0
    )
ORDER BY t.id
