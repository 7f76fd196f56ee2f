-- The active lines of an account that are for no device, for archived ones only, for one of no customer or of another.
-- Safe to run twice: reads only.
SELECT
    f.kind AS kind,
    CONCAT('line ', f.account_id, '/', f.service_id) AS subject,
    CONCAT(
        'line ', f.service_id, ' for SIM ', f.iccid, ' is billed to customer ', COALESCE(f.customer_number, 'unknown'),
        CASE f.kind
            WHEN 'LINE_WITHOUT_DEVICE' THEN '; no device has this SIM'
            WHEN 'LINE_OF_ARCHIVED_DEVICE' THEN '; the device is archived'
            WHEN 'LINE_OF_UNASSIGNED_DEVICE' THEN '; the device has no customer'
            ELSE CONCAT('; the device is of customer ', f.device_customer)
        END
    ) AS detail,
    f.tenant_id AS tenant_id,
    f.iccid AS iccid,
    f.service_id AS service_id
FROM (
    SELECT
        l.IntegrationAuthenticationId AS account_id,
        l.RevServiceId AS service_id,
        COALESCE(MIN(d.ICCID), MIN(l.Number2)) AS iccid,
        MIN(k.RevCustomerId) AS customer_number,
        MIN(CASE WHEN d.IsArchived = 0 THEN d.AccountNumber END) AS device_customer,
        CASE
            WHEN COUNT(d.DeviceTenantId) = 0 AND MIN(k.TenantId) IS NOT NULL THEN MIN(k.TenantId)
            WHEN MIN(k.TenantId) = MIN(d.TenantId) AND MIN(k.TenantId) = MAX(d.TenantId) THEN MIN(k.TenantId)
            ELSE MIN(a.TenantId)
        END AS tenant_id,
        CASE
            WHEN COUNT(d.DeviceTenantId) = 0 AND COALESCE(MIN(l.Number2), '') <> '' THEN 'LINE_WITHOUT_DEVICE'
            WHEN MIN(d.IsArchived) = 1 THEN 'LINE_OF_ARCHIVED_DEVICE'
            WHEN COUNT(d.DeviceTenantId) > 0 AND COUNT(CASE WHEN d.IsArchived = 0 THEN d.AccountNumber END) = 0
                THEN 'LINE_OF_UNASSIGNED_DEVICE'
            WHEN
                COUNT(d.DeviceTenantId) > 0
                AND COUNT(
                    CASE
                        WHEN
                            d.IsArchived = 0
                            AND d.AccountNumber = k.RevCustomerId
                            AND d.AccountNumberIntegrationAuthenticationId = k.IntegrationAuthenticationId
                            THEN 1
                    END
                ) = 0
                THEN 'LINE_OF_WRONG_CUSTOMER'
        END AS kind
    FROM (
        SELECT w.RevServiceId
        FROM device_association.line_moment AS w
        WHERE w.AccountId = :account_id AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
        UNION
        SELECT i.RevServiceId
        FROM dbo.Device_Tenant AS x
        INNER JOIN dbo.Device AS e ON x.DeviceId = e.id
        INNER JOIN device_association.sim_key AS s ON e.id = s.DeviceId
        INNER JOIN device_association.line_key AS i
            ON s.IsSim = i.IsSim AND s.Digits = i.Digits AND i.AccountId = :account_id
        WHERE
            (x.ModifiedDate >= :since AND x.ModifiedDate < :until)
            OR (e.ModifiedDate >= :since AND e.ModifiedDate < :until)
    ) AS c
    INNER JOIN dbo.RevService AS l ON c.RevServiceId = l.RevServiceId
    INNER JOIN dbo.Integration_Authentication AS a ON l.IntegrationAuthenticationId = a.id
    LEFT JOIN dbo.RevCustomer AS k ON l.RevCustomerId = k.id
    LEFT JOIN device_association.line_device AS d ON l.id = d.LineId
    WHERE
        l.IntegrationAuthenticationId = :account_id
        AND l.IsDeleted = 0
        AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
        AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = l.Number2)
        AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = l.Number)
    GROUP BY l.IntegrationAuthenticationId, l.id, l.RevServiceId
) AS f
WHERE f.kind IS NOT NULL
