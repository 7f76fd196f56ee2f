-- The devices of a customer for which a line was created or adopted and which have no active line of that customer now,
-- unless a revert ended it.
-- Safe to run twice: reads only.
SELECT
    'DEVICE_WITHOUT_LINE' AS kind,
    CONCAT('device ', x.id) AS subject,
    CONCAT(
        'bulk change ', MAX(i.BulkChangeId), ' gave the device line ', MAX(i.RevServiceId), ' of customer ', MIN(k.RevCustomerId),
        ', whose it is still; it has no active line now'
    ) AS detail,
    x.TenantId AS tenant_id,
    MIN(d.ICCID) AS iccid,
    MAX(i.RevServiceId) AS service_id
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id AND m.Status = 'PROCESSED'
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
INNER JOIN dbo.Device AS d ON m.DeviceId = d.id AND d.IsDeleted = 0 AND d.IsActive = 1
INNER JOIN dbo.Device_Tenant AS x
    ON
        d.id = x.DeviceId
        AND c.TenantId = x.TenantId
        AND x.IsDeleted = 0
        AND k.RevCustomerId = x.AccountNumber
        AND k.IntegrationAuthenticationId = x.AccountNumberIntegrationAuthenticationId
WHERE
    i.IntegrationAuthenticationId = :account_id
    AND i.State IN ('CREATED', 'ADOPTED')
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS e
        WHERE
            e.EndsRevServiceId = i.RevServiceId
            AND e.IntegrationAuthenticationId = i.IntegrationAuthenticationId
            AND e.State = 'ENDED'
    )
    AND (
        -- counted for each device: PostgreSQL may read the whole view for each with NOT EXISTS
        SELECT COUNT(*)
        FROM device_association.line_device AS p
        INNER JOIN dbo.RevService AS l ON p.LineId = l.id
        WHERE
            p.DeviceTenantId = x.id
            AND p.DeviceId = x.DeviceId
            AND l.RevCustomerId = k.id
            AND l.IsDeleted = 0
            AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    ) = 0
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = d.ICCID)
    AND (
        (m.ProcessedDate >= :since AND m.ProcessedDate < :until)
        OR (x.ModifiedDate >= :since AND x.ModifiedDate < :until)
        OR EXISTS (
            SELECT 1 FROM device_association.line_moment AS w
            WHERE
                w.AccountId = i.IntegrationAuthenticationId
                AND w.RevServiceId = i.RevServiceId
                AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
        )
    )
GROUP BY x.id, x.TenantId
