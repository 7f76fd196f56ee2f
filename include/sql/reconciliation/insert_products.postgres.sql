-- Mirrors the products of lines of ours that the mirror lacks.
-- Safe to run twice: one row a product of Rev.io and account.
INSERT INTO dbo.RevServiceProduct (
    ServiceProductId, ServiceId, ProductId, PackageId, Rate, Quantity, Status, IntegrationAuthenticationId,
    CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    p.ServiceProductId, i.RevServiceId, p.ProductId, NULL, p.Rate, 1, 'ACTIVE', i.IntegrationAuthenticationId,
    :actor, :now, 1, 0
FROM JSONB_TO_RECORDSET(CAST(:found AS jsonb)) AS r (id bigint)
INNER JOIN device_association.line_intent AS i ON r.id = i.id
INNER JOIN device_association.rev_product_step AS p ON i.id = p.IntentId
WHERE
    i.IntegrationAuthenticationId = :account_id
    AND p.State IN ('CREATED', 'ADOPTED')
    AND NOT EXISTS (
        SELECT 1 FROM dbo.RevServiceProduct AS m
        WHERE
            m.ServiceProductId = p.ServiceProductId AND m.IntegrationAuthenticationId = i.IntegrationAuthenticationId
    )
