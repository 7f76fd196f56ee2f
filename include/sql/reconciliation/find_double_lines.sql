-- The devices with several active lines in the accounts of a tenant, its parent and its sub-tenants, one of them in this
-- account. Lines in accounts of both are told to the parent.
-- Safe to run twice: reads only.
SELECT
    'TWO_ACTIVE_LINES' AS kind,
    CONCAT('device ', f.device_id, ' account ', f.account_id) AS subject,
    CONCAT(
        f.lines, ' active lines are for SIM ', f.iccid, ': ', f.first_line, ' of customer ', f.first_customer, ', ', f.last_line,
        ' of customer ', f.last_customer, CASE WHEN f.lines > 2 THEN ' and others' ELSE '' END
    ) AS detail,
    f.tenant_id AS tenant_id,
    f.iccid AS iccid,
    f.own_line AS service_id
FROM (
    SELECT
        d.DeviceId AS device_id,
        own.id AS account_id,
        MIN(d.ICCID) AS iccid,
        COUNT(DISTINCT l.id) AS lines,
        MIN(l.RevServiceId) AS first_line,
        MAX(l.RevServiceId) AS last_line,
        MAX(CASE WHEN l.IntegrationAuthenticationId = own.id THEN l.RevServiceId END) AS own_line,
        MIN(k.RevCustomerId) AS first_customer,
        MAX(k.RevCustomerId) AS last_customer,
        CASE
            WHEN MIN(a.TenantId) <> MAX(a.TenantId) THEN COALESCE(MAX(CASE WHEN a.TenantId = mine.ParentTenantId THEN a.TenantId END), mine.id)
            WHEN MIN(k.TenantId) = MAX(k.TenantId) THEN MIN(k.TenantId)
            ELSE mine.id
        END AS tenant_id
    FROM dbo.Integration_Authentication AS own
    INNER JOIN dbo.Tenant AS mine ON own.TenantId = mine.id
    INNER JOIN dbo.Tenant AS theirs
        ON mine.id = theirs.id OR mine.id = theirs.ParentTenantId OR mine.ParentTenantId = theirs.id
    INNER JOIN dbo.Integration_Authentication AS a ON theirs.id = a.TenantId
    INNER JOIN device_association.line_device AS d ON a.id = d.AccountId
    INNER JOIN dbo.RevService AS l ON d.LineId = l.id
    LEFT JOIN dbo.RevCustomer AS k ON l.RevCustomerId = k.id
    WHERE
        own.id = :account_id
        AND l.IsDeleted = 0
        AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
        AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = d.ICCID)
    GROUP BY d.DeviceId, own.id, mine.id
    HAVING COUNT(DISTINCT l.id) > 1 AND COUNT(CASE WHEN l.IntegrationAuthenticationId = own.id THEN 1 END) > 0
) AS f
WHERE
    EXISTS (
        SELECT 1
        FROM device_association.line_device AS d
        INNER JOIN dbo.RevService AS l ON d.LineId = l.id
        INNER JOIN device_association.line_moment AS w
            ON l.IntegrationAuthenticationId = w.AccountId AND l.RevServiceId = w.RevServiceId
        WHERE d.DeviceId = f.device_id AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
    )
