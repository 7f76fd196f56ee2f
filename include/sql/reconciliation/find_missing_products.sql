-- The active lines that a change of ours created or adopted and that lack products it asked for.
-- Safe to run twice: reads only.
SELECT
    'PRODUCT_MISSING' AS kind,
    CONCAT('line ', i.IntegrationAuthenticationId, '/', i.RevServiceId) AS subject,
    CONCAT(
        'line ', i.RevServiceId, ' of bulk change ', MAX(i.BulkChangeId), ' lacks ', COUNT(DISTINCT p.ProductId),
        ' of its products, among them ', MIN(p.ProductId)
    ) AS detail,
    MIN(k.TenantId) AS tenant_id,
    MIN(i.ICCID) AS iccid,
    i.RevServiceId AS service_id
FROM device_association.line_intent AS i
INNER JOIN device_association.rev_product_step AS p ON i.id = p.IntentId AND p.State IN ('PLANNED', 'REJECTED')
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id AND m.IsProcessed = 1
INNER JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
INNER JOIN dbo.RevService AS l
    ON i.RevServiceId = l.RevServiceId AND i.IntegrationAuthenticationId = l.IntegrationAuthenticationId
WHERE
    i.IntegrationAuthenticationId = :account_id
    AND i.State IN ('CREATED', 'ADOPTED')
    AND l.IsDeleted = 0
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = i.ICCID)
    AND (
        (p.ModifiedDate >= :since AND p.ModifiedDate < :until)
        OR (i.ModifiedDate >= :since AND i.ModifiedDate < :until)
        OR EXISTS (
            SELECT 1 FROM device_association.line_moment AS w
            WHERE
                w.AccountId = i.IntegrationAuthenticationId
                AND w.RevServiceId = i.RevServiceId
                AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
        )
    )
GROUP BY i.IntegrationAuthenticationId, i.RevServiceId
