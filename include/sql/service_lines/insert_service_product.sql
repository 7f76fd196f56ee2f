-- Mirrors a product that was added to a line.
-- Safe to run twice: one row a product of Rev.io and account.
INSERT INTO dbo.RevServiceProduct (
    ServiceProductId, ServiceId, ProductId, PackageId, Rate, Quantity, Status, IntegrationAuthenticationId,
    CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    :service_product_id, :service_id, :product_id, NULL, :rate, 1, 'ACTIVE', :account_id, :actor, :now, 1, 0
FROM (SELECT 1 AS one) AS nothing
WHERE NOT EXISTS (
    SELECT 1 FROM dbo.RevServiceProduct AS p
    WHERE p.ServiceProductId = :service_product_id AND p.IntegrationAuthenticationId = :account_id
)
