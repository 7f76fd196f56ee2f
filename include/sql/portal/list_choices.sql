-- What the fields of the trigger form may name, with the words a person knows each thing by.
-- Safe to run twice: reads only.
SELECT 'ServiceProviderId' AS field, CAST(p.id AS varchar(20)) AS choice, COALESCE(p.DisplayName, p.Name) AS label
FROM dbo.ServiceProvider AS p
WHERE p.IsActive = 1 AND p.IsDeleted = 0
UNION ALL
SELECT 'CarrierRatePlan', c.RatePlanCode, CONCAT(COALESCE(c.FriendlyName, c.RatePlanCode), ', ', p.Name)
FROM dbo.CarrierRatePlan AS c
INNER JOIN dbo.ServiceProvider AS p ON c.ServiceProviderId = p.id
WHERE c.IsRetired = 0 AND c.IsActive = 1 AND c.IsDeleted = 0 AND p.IsActive = 1 AND p.IsDeleted = 0
UNION ALL
SELECT x.field, CAST(x.RevId AS varchar(20)), CONCAT(x.Description, ', ', a.Name)
FROM (
    SELECT 'ServiceTypeId' AS field, t.RevId, t.Description, t.IntegrationAuthenticationId
    FROM dbo.RevServiceType AS t
    WHERE t.IsActive = 1 AND t.IsDeleted = 0
    UNION ALL
    SELECT 'ProviderId' AS field, t.RevId, t.Description, t.IntegrationAuthenticationId
    FROM dbo.RevProvider AS t
    WHERE t.IsActive = 1 AND t.IsDeleted = 0
    UNION ALL
    SELECT 'UsagePlanGroupId' AS field, t.RevId, t.Description, t.IntegrationAuthenticationId
    FROM dbo.RevUsagePlanGroup AS t
    WHERE t.IsActive = 1 AND t.IsDeleted = 0
    UNION ALL
    SELECT 'RevPackageId' AS field, t.RevId, t.Description, t.IntegrationAuthenticationId
    FROM dbo.RevPackage AS t
    WHERE t.IsActive = 1 AND t.IsDeleted = 0
    UNION ALL
    SELECT 'RevProductIdList' AS field, t.RevId, t.Description, t.IntegrationAuthenticationId
    FROM dbo.RevProduct AS t
    WHERE t.IsActive = 1 AND t.IsDeleted = 0
) AS x
INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
WHERE a.IsActive = 1 AND a.IsDeleted = 0
ORDER BY 1, 3, 2
