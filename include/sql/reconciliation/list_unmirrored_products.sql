-- A page of the lines of ours with products that were made and that the mirror lacks.
-- Safe to run twice: reads only.
SELECT
    i.id AS id,
    'PRODUCT_ROW_MISSING' AS kind,
    CONCAT('line ', i.IntegrationAuthenticationId, '/', i.RevServiceId) AS subject,
    CONCAT('line ', i.RevServiceId, ' has ', COUNT(*), ' products that the mirror lacked') AS detail,
    k.TenantId AS tenant_id,
    i.ICCID AS iccid,
    i.RevServiceId AS service_id
FROM device_association.line_intent AS i
INNER JOIN device_association.rev_product_step AS p ON i.id = p.IntentId
INNER JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
WHERE
    i.IntegrationAuthenticationId = :account_id
    AND p.State IN ('CREATED', 'ADOPTED')
    AND NOT EXISTS (
        SELECT 1 FROM dbo.RevServiceProduct AS m
        WHERE
            m.ServiceProductId = p.ServiceProductId AND m.IntegrationAuthenticationId = i.IntegrationAuthenticationId
    )
    AND i.id > :after
    AND (
        (i.CreatedDate >= :since AND i.CreatedDate < :until)
        OR (i.ModifiedDate >= :since AND i.ModifiedDate < :until)
        OR (p.ModifiedDate >= :since AND p.ModifiedDate < :until)
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = i.ICCID)
GROUP BY i.id, i.IntegrationAuthenticationId, i.RevServiceId, i.ICCID, k.TenantId
ORDER BY i.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
