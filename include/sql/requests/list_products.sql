-- The products of a Rev.io account, by Rev.io's id.
-- Safe to run twice: reads only.
SELECT x.RevId AS product_id
FROM dbo.RevProduct AS x
WHERE x.IntegrationAuthenticationId = :account_id AND x.IsActive = 1 AND x.IsDeleted = 0
