-- The active lines of the mirror that Rev.io does not list, though they were there well before it was asked.
-- Safe to run twice: reads only.
SELECT
    'LINE_NOT_LISTED' AS kind,
    CONCAT('line ', l.IntegrationAuthenticationId, '/', l.RevServiceId) AS subject,
    CONCAT(
        'the mirror has line ', l.RevServiceId, ' of customer ', k.RevCustomerId, ' for SIM ', l.Number2, ' as active; Rev.io does not list it'
    ) AS detail,
    COALESCE(k.TenantId, a.TenantId) AS tenant_id,
    l.Number2 AS iccid,
    l.RevServiceId AS service_id
FROM dbo.RevService AS l
INNER JOIN dbo.Integration_Authentication AS a ON l.IntegrationAuthenticationId = a.id
LEFT JOIN dbo.RevCustomer AS k ON l.RevCustomerId = k.id
WHERE
    l.IntegrationAuthenticationId = :account_id
    AND l.IsDeleted = 0
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    AND COALESCE(l.ModifiedDate, l.CreatedDate) < :settled
    AND NOT EXISTS (
        SELECT 1 FROM device_association.revio_snapshot_line AS v
        WHERE v.RevServiceId = l.RevServiceId AND v.IntegrationAuthenticationId = l.IntegrationAuthenticationId
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = l.Number2)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = l.Number)
    AND EXISTS (
        SELECT 1 FROM device_association.line_moment AS w
        WHERE
            w.AccountId = l.IntegrationAuthenticationId
            AND w.RevServiceId = l.RevServiceId
            AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
    )
