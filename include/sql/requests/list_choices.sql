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
SELECT 'ServiceTypeId', CAST(x.RevId AS varchar(20)), CONCAT(x.Description, ', ', a.Name)
FROM dbo.RevServiceType AS x
INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
WHERE x.IsActive = 1 AND x.IsDeleted = 0 AND a.IsActive = 1 AND a.IsDeleted = 0
UNION ALL
SELECT 'ProviderId', CAST(x.RevId AS varchar(20)), CONCAT(x.Description, ', ', a.Name)
FROM dbo.RevProvider AS x
INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
WHERE x.IsActive = 1 AND x.IsDeleted = 0 AND a.IsActive = 1 AND a.IsDeleted = 0
UNION ALL
SELECT 'UsagePlanGroupId', CAST(x.RevId AS varchar(20)), CONCAT(x.Description, ', ', a.Name)
FROM dbo.RevUsagePlanGroup AS x
INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
WHERE x.IsActive = 1 AND x.IsDeleted = 0 AND a.IsActive = 1 AND a.IsDeleted = 0
UNION ALL
SELECT 'RevPackageId', CAST(x.RevId AS varchar(20)), CONCAT(x.Description, ', ', a.Name)
FROM dbo.RevPackage AS x
INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
WHERE x.IsActive = 1 AND x.IsDeleted = 0 AND a.IsActive = 1 AND a.IsDeleted = 0
UNION ALL
SELECT 'RevProductIdList', CAST(x.RevId AS varchar(20)), CONCAT(x.Description, ', ', a.Name)
FROM dbo.RevProduct AS x
INNER JOIN dbo.Integration_Authentication AS a ON x.IntegrationAuthenticationId = a.id
WHERE x.IsActive = 1 AND x.IsDeleted = 0 AND a.IsActive = 1 AND a.IsDeleted = 0
ORDER BY 1, 3, 2
