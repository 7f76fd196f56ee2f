-- The active lines for SIMs of ours that Rev.io bills to a customer whom the portal does not know in this account.
-- Safe to run twice: reads only.
SELECT
    'LINE_OF_UNKNOWN_CUSTOMER' AS kind,
    CONCAT('line ', v.IntegrationAuthenticationId, '/', v.RevServiceId) AS subject,
    CONCAT(
        'Rev.io bills line ', v.RevServiceId, ' for SIM ', MIN(d.ICCID), ' to customer ', COALESCE(v.CustomerNumber, 'none'),
        ', whom the portal does not know'
    ) AS detail,
    MIN(a.TenantId) AS tenant_id,
    MIN(d.ICCID) AS iccid,
    v.RevServiceId AS service_id
FROM device_association.revio_snapshot_line AS v
INNER JOIN device_association.revio_snapshot_line_key AS n
    ON v.IntegrationAuthenticationId = n.IntegrationAuthenticationId AND v.RevServiceId = n.RevServiceId
INNER JOIN device_association.sim_key AS s
    ON
        s.IsSim = CASE SUBSTRING(n.MatchKey, 1, 1) WHEN 'I' THEN 1 WHEN 'N' THEN 0 END
        AND s.Digits = SUBSTRING(n.MatchKey, 2, 59)
INNER JOIN dbo.Integration_Authentication AS a ON v.IntegrationAuthenticationId = a.id
INNER JOIN dbo.Tenant AS own ON a.TenantId = own.id
INNER JOIN dbo.Device AS d ON s.DeviceId = d.id AND d.IsDeleted = 0
INNER JOIN dbo.Device_Tenant AS x ON d.id = x.DeviceId AND x.IsDeleted = 0
INNER JOIN dbo.Tenant AS t
    ON x.TenantId = t.id AND (t.id = own.id OR t.ParentTenantId = own.id OR t.id = own.ParentTenantId)
WHERE
    v.IntegrationAuthenticationId = :account_id
    AND (v.DisconnectedDate IS NULL OR v.DisconnectedDate > v.ListedDate)
    AND NOT EXISTS (
        SELECT 1 FROM dbo.RevCustomer AS k
        WHERE
            k.RevCustomerId = v.CustomerNumber
            AND k.IntegrationAuthenticationId = v.IntegrationAuthenticationId
            AND k.IsDeleted = 0
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = v.Number2)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = v.Number)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = d.ICCID)
    AND EXISTS (
        SELECT 1 FROM device_association.line_moment AS w
        WHERE
            w.AccountId = v.IntegrationAuthenticationId
            AND w.RevServiceId = v.RevServiceId
            AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
    )
GROUP BY v.IntegrationAuthenticationId, v.RevServiceId, v.CustomerNumber
