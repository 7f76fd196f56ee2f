-- The open rows whose SIM has an active line or an open intent of another customer, or, where a line is asked for, an active
-- line of this customer already, with the code and the reason to refuse them. A line is the SIM's if it names it in any
-- spelling, or if the device is linked to it; one that the mirror lacks or nobody can judge counts too, unless a call is to
-- come: then the own account is looked at. Not a row whose call is in doubt; nor for a line that the row created or adopted,
-- the one that a person named for it, or then another one of this customer. The accounts of the tenant, of its parent and of
-- its sub-tenants count. One statement reads a whole change in one pass over the lines. Safe to run twice: reads only.
WITH asked AS (
    SELECT m.id, m.DeviceId, t.RevCustomerId, t.CreateRevService
    FROM dbo.M2M_DeviceChange AS m
    INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
    INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
    WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0
),

named AS MATERIALIZED (
    SELECT m.id, m.RevCustomerId, m.CreateRevService, s.IsSim, s.Digits
    FROM asked AS m
    INNER JOIN device_association.sim_key AS s ON m.DeviceId = s.DeviceId
    WHERE s.Digits IS NOT NULL
)

SELECT
    v.row_id AS row_id,
    CASE WHEN v.is_other = 1 THEN 'DEVICE_ASSIGNED_TO_OTHER_CUSTOMER' ELSE 'DEVICE_HAS_ACTIVE_SERVICE' END AS code,
    CASE
        WHEN v.is_other = 1
            THEN CONCAT(
                'DEVICE_ASSIGNED_TO_OTHER_CUSTOMER: ', v.other_owner,
                ' has an active or a requested line for this SIM; have it disconnected first'
            )
        ELSE CONCAT(
            'DEVICE_HAS_ACTIVE_SERVICE: line ', v.own_line,
            ' of this customer is active for this SIM; send it with CreateRevService off to associate without a new line'
        )
    END AS details
FROM (
    SELECT
        found.row_id,
        MAX(found.is_other) AS is_other,
        MIN(CASE WHEN found.is_other = 1 THEN found.owner END) AS other_owner,
        MIN(CASE WHEN found.is_other = 0 AND found.asks_line = 1 THEN found.line END) AS own_line
    FROM (
        SELECT
            matched.row_id,
            matched.line,
            CASE WHEN matched.line_customer = matched.customer THEN 0 ELSE 1 END AS is_other,
            CASE
                WHEN owner.id IS NULL THEN 'an unknown customer'
                ELSE CONCAT('customer ', owner.RevCustomerId, ' (', owner.CustomerName, ')')
            END AS owner,
            matched.is_line * matched.wants_line AS asks_line
        FROM (
            SELECT
                m.id AS row_id, m.RevCustomerId AS customer, m.CreateRevService AS wants_line,
                l.RevServiceId AS line, l.RevCustomerId AS line_customer, l.AccountId AS account_id, 1 AS is_line
            FROM named AS m
            INNER JOIN device_association.line_key AS l ON m.IsSim = l.IsSim AND m.Digits = l.Digits
            WHERE
                l.Digits IS NOT NULL AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
            UNION ALL
            SELECT
                m.id AS row_id, m.RevCustomerId AS customer, m.CreateRevService AS wants_line,
                l.RevServiceId AS line, l.RevCustomerId AS line_customer, l.IntegrationAuthenticationId AS account_id, 1 AS is_line
            FROM asked AS m
            INNER JOIN dbo.Device_Tenant AS x ON m.DeviceId = x.DeviceId AND x.IsDeleted = 0
            INNER JOIN dbo.RevService AS l ON x.RevServiceId = l.id
            WHERE
                l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
            UNION ALL
            -- Behind an OFFSET it is looked up for each device: PostgreSQL takes lines that the mirror lacks, and open intents,
            -- for next to none, and would read them all for each.
            SELECT
                m.id AS row_id, m.RevCustomerId AS customer, m.CreateRevService AS wants_line,
                u.RevServiceId AS line, k.id AS line_customer, u.AccountId AS account_id, 1 AS is_line
            FROM named AS m
            INNER JOIN dbo.RevCustomer AS whom ON m.RevCustomerId = whom.id
            CROSS JOIN
                LATERAL (
                    SELECT l.RevServiceId, l.AccountId, l.CustomerNumber, l.DisconnectedDate
                    FROM device_association.unmirrored_line AS l
                    WHERE l.MatchKey = CONCAT(CASE m.IsSim WHEN 1 THEN 'I' ELSE 'N' END, m.Digits)
                    ORDER BY l.RevServiceId OFFSET 0
                ) AS u
            LEFT JOIN dbo.RevCustomer AS k
                ON u.AccountId = k.IntegrationAuthenticationId AND u.CustomerNumber = k.RevCustomerId AND k.IsDeleted = 0
            WHERE
                (u.AccountId <> whom.IntegrationAuthenticationId OR m.CreateRevService = 0)
                AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
            UNION ALL
            SELECT
                m.id AS row_id, m.RevCustomerId AS customer, m.CreateRevService AS wants_line,
                u.RevServiceId AS line, k.id AS line_customer, u.AccountId AS account_id, 1 AS is_line
            FROM asked AS m
            INNER JOIN dbo.RevCustomer AS whom ON m.RevCustomerId = whom.id
            CROSS JOIN
                LATERAL (
                    SELECT l.RevServiceId, l.AccountId, l.CustomerNumber, l.DisconnectedDate
                    FROM device_association.unjudged_sim AS l
                    WHERE l.DeviceId = m.DeviceId
                    ORDER BY l.RevServiceId OFFSET 0
                ) AS u
            LEFT JOIN dbo.RevCustomer AS k
                ON u.AccountId = k.IntegrationAuthenticationId AND u.CustomerNumber = k.RevCustomerId AND k.IsDeleted = 0
            WHERE
                EXISTS (SELECT 1 FROM device_association.unjudged_line)
                AND (u.AccountId <> whom.IntegrationAuthenticationId OR m.CreateRevService = 0)
                AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :now)
            UNION ALL
            SELECT
                m.id AS row_id, m.RevCustomerId AS customer, m.CreateRevService AS wants_line,
                0 AS line, i.RevCustomerId AS line_customer, i.IntegrationAuthenticationId AS account_id, 0 AS is_line
            FROM named AS m
            CROSS JOIN
                LATERAL (
                    SELECT o.RevCustomerId, o.IntegrationAuthenticationId FROM device_association.line_intent AS o
                    WHERE o.ICCID = m.Digits AND o.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
                    ORDER BY o.id OFFSET 0
                ) AS i
            WHERE m.IsSim = 1
        ) AS matched
        INNER JOIN dbo.Integration_Authentication AS a ON matched.account_id = a.id
        INNER JOIN dbo.Tenant AS account_tenant ON a.TenantId = account_tenant.id
        INNER JOIN dbo.DeviceBulkChange AS c ON c.id = :bulk_change_id
        INNER JOIN dbo.Tenant AS tenant ON c.TenantId = tenant.id
        LEFT JOIN dbo.RevCustomer AS owner ON matched.line_customer = owner.id
        WHERE
            (a.TenantId IN (tenant.id, tenant.ParentTenantId) OR account_tenant.ParentTenantId = tenant.id)
            AND NOT EXISTS (
                SELECT 1 FROM device_association.line_intent AS mine
                WHERE
                    mine.M2MDeviceChangeId = matched.row_id
                    AND (
                        mine.State IN ('CALLING', 'UNKNOWN')
                        OR (
                            mine.RevServiceId = matched.line
                            AND mine.IntegrationAuthenticationId = matched.account_id
                        )
                    )
            )
            AND NOT EXISTS (
                SELECT 1 FROM device_association.named_line AS n
                WHERE
                    n.M2MDeviceChangeId = matched.row_id
                    AND matched.is_line = 1
                    AND (
                        matched.line_customer = matched.customer
                        OR (
                            n.RevServiceId = matched.line AND n.IntegrationAuthenticationId = matched.account_id
                        )
                    )
            )
    ) AS found
    GROUP BY found.row_id
    HAVING MAX(found.is_other) = 1 OR MAX(found.asks_line) = 1
) AS v
