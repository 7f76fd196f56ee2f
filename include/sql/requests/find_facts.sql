-- What the rules for a whole request need to know of the things it names, in one row.
-- Safe to run twice: reads only.
SELECT
    (
        SELECT MAX(p.WriteIsEnabled + 1) FROM dbo.ServiceProvider AS p
        WHERE
            p.id = :service_provider_id AND p.IsActive = 1 AND p.IsDeleted = 0
            AND (p.TenantId = t.id OR p.TenantId = t.ParentTenantId)
    ) AS provider_writes,
    (
        SELECT COUNT(*) FROM dbo.RevServiceType AS x
        WHERE
            x.RevId = :service_type_id AND x.IntegrationAuthenticationId = :account_id AND x.IsActive = 1
            AND x.IsDeleted = 0
    ) AS service_types,
    (
        SELECT COUNT(*) FROM dbo.RevProvider AS x
        WHERE
            x.RevId = :provider_id AND x.IntegrationAuthenticationId = :account_id AND x.IsActive = 1
            AND x.IsDeleted = 0
    ) AS providers,
    (
        SELECT COUNT(*) FROM dbo.RevPackage AS x
        WHERE
            x.RevId = :rev_package_id AND x.IntegrationAuthenticationId = :account_id AND x.IsActive = 1
            AND x.IsDeleted = 0
    ) AS packages,
    (
        SELECT COUNT(*) FROM dbo.RevUsagePlanGroup AS x
        WHERE
            x.RevId = :usage_plan_group_id AND x.IntegrationAuthenticationId = :account_id AND x.IsActive = 1
            AND x.IsDeleted = 0
    ) AS usage_plan_groups,
    (
        SELECT COUNT(*) FROM dbo.CustomerRatePlan AS x
        WHERE
            x.id = :customer_rate_plan_id AND x.ServiceProviderId = :service_provider_id AND x.TenantId = t.id
            AND x.IsActive = 1 AND x.IsDeleted = 0
    ) AS customer_rate_plans,
    (
        SELECT COUNT(*) FROM dbo.CustomerRatePool AS x
        WHERE
            x.id = :customer_rate_pool_id AND x.ServiceProviderId = :service_provider_id AND x.TenantId = t.id
            AND x.IsActive = 1 AND x.IsDeleted = 0
    ) AS customer_rate_pools,
    (
        SELECT MAX(x.RatePlanCode) FROM dbo.CarrierRatePlan AS x
        WHERE
            x.RatePlanCode = :carrier_rate_plan AND x.ServiceProviderId = :service_provider_id AND x.IsRetired = 0
            AND x.IsActive = 1 AND x.IsDeleted = 0
    ) AS carrier_rate_plan
FROM dbo.Tenant AS t
WHERE t.id = :tenant_id
