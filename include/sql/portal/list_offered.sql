-- What a field of the request may name for one tenant, with the words a person knows each thing by: of one service provider
-- where one is given, of one Rev.io account where one is given. A parent's providers and accounts are its sub-tenants' too.
-- Safe to run twice: reads only.
SELECT
    offered.field,
    offered.choice,
    offered.label
FROM (
    SELECT
        'ServiceProviderId' AS field, CAST(p.id AS varchar(20)) AS choice, COALESCE(p.DisplayName, p.Name) AS label,
        p.TenantId AS tenant_id, p.id AS service_provider_id, 0 AS account_id
    FROM dbo.ServiceProvider AS p
    WHERE p.IsActive = 1 AND p.IsDeleted = 0
    UNION ALL
    SELECT
        'CarrierRatePlan' AS field, r.RatePlanCode AS choice, COALESCE(r.FriendlyName, r.RatePlanCode) AS label,
        p.TenantId AS tenant_id, p.id AS service_provider_id, 0 AS account_id
    FROM dbo.CarrierRatePlan AS r
    INNER JOIN dbo.ServiceProvider AS p ON r.ServiceProviderId = p.id
    WHERE r.IsRetired = 0 AND r.IsActive = 1 AND r.IsDeleted = 0 AND p.IsActive = 1 AND p.IsDeleted = 0
    UNION ALL
    SELECT
        'CustomerRatePlan' AS field, CAST(c.id AS varchar(20)) AS choice, CONCAT(c.RatePlanName, ' (', c.RatePlanCode, ')') AS label,
        :tenant_id AS tenant_id, c.ServiceProviderId AS service_provider_id, 0 AS account_id
    FROM dbo.CustomerRatePlan AS c
    WHERE c.TenantId = :tenant_id AND c.IsActive = 1 AND c.IsDeleted = 0
    UNION ALL
    SELECT
        'CustomerRatePool' AS field, CAST(o.id AS varchar(20)) AS choice, o.Name AS label,
        :tenant_id AS tenant_id, o.ServiceProviderId AS service_provider_id, 0 AS account_id
    FROM dbo.CustomerRatePool AS o
    WHERE o.TenantId = :tenant_id AND o.IsActive = 1 AND o.IsDeleted = 0
    UNION ALL
    SELECT
        x.field, CAST(x.RevId AS varchar(20)) AS choice, COALESCE(x.Description, CAST(x.RevId AS varchar(20))) AS label,
        a.TenantId AS tenant_id, 0 AS service_provider_id, a.id AS account_id
    FROM (
        SELECT
            'ServiceTypeId' AS field, z.RevId, z.Description, z.IntegrationAuthenticationId
        FROM dbo.RevServiceType AS z
        WHERE z.IsActive = 1 AND z.IsDeleted = 0
        UNION ALL
        SELECT
            'ProviderId' AS field, z.RevId, z.Description, z.IntegrationAuthenticationId
        FROM dbo.RevProvider AS z
        WHERE z.IsActive = 1 AND z.IsDeleted = 0
        UNION ALL
        SELECT
            'UsagePlanGroupId' AS field, z.RevId, z.Description, z.IntegrationAuthenticationId
        FROM dbo.RevUsagePlanGroup AS z
        WHERE z.IsActive = 1 AND z.IsDeleted = 0
        UNION ALL
        SELECT
            'RevPackageId' AS field, z.RevId, z.Description, z.IntegrationAuthenticationId
        FROM dbo.RevPackage AS z
        WHERE z.IsActive = 1 AND z.IsDeleted = 0
        UNION ALL
        SELECT
            'RevProductIdList' AS field, z.RevId, z.Description, z.IntegrationAuthenticationId
        FROM dbo.RevProduct AS z
        WHERE z.IsActive = 1 AND z.IsDeleted = 0
    ) AS x
    INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
    WHERE a.IsActive = 1 AND a.IsDeleted = 0
) AS offered
INNER JOIN dbo.Tenant AS t ON t.id = :tenant_id
WHERE
    offered.field = :field
    AND (offered.tenant_id = t.id OR offered.tenant_id = t.ParentTenantId)
    AND offered.service_provider_id = COALESCE(:service_provider_id, offered.service_provider_id)
    AND offered.account_id = COALESCE(:account_id, offered.account_id)
ORDER BY offered.label, offered.choice
