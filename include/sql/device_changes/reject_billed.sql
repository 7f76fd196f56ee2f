-- Marks the open rows whose SIM has an active line or an open intent of another customer, or, where a line is asked for,
-- an active line of this customer already. A line that this very row created or adopted is no conflict. The accounts of
-- the tenant, of its parent and of its sub-tenants count: they share their devices.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR',
    ErrorCode = CASE WHEN v.is_other = 1 THEN 'DEVICE_ASSIGNED_TO_OTHER_CUSTOMER' ELSE 'DEVICE_HAS_ACTIVE_SERVICE' END,
    StatusDetails = CASE
        WHEN v.is_other = 1
            THEN CONCAT(
                'DEVICE_ASSIGNED_TO_OTHER_CUSTOMER: ', v.other_owner,
                ' has an active or a requested line for this SIM; have it disconnected first'
            )
        ELSE CONCAT(
            'DEVICE_HAS_ACTIVE_SERVICE: line ', v.own_line,
            ' of this customer is active for this SIM; send it with CreateRevService off to associate without a new line'
        )
    END,
    IsProcessed = 1,
    HasErrors = 1,
    ProcessedBy = :actor,
    ProcessedDate = :now,
    ModifiedBy = :actor,
    ModifiedDate = :now
FROM (
    SELECT
        found.row_id,
        MAX(found.is_other) AS is_other,
        MIN(CASE WHEN found.is_other = 1 THEN found.owner END) AS other_owner,
        MIN(CASE WHEN found.is_other = 0 THEN found.line END) AS own_line
    FROM (
        SELECT
            matched.row_id,
            matched.line,
            CASE WHEN matched.line_customer = t.RevCustomerId THEN 0 ELSE 1 END AS is_other,
            CASE
                WHEN owner.id IS NULL THEN 'an unknown customer'
                ELSE CONCAT('customer ', owner.RevCustomerId, ' (', owner.CustomerName, ')')
            END AS owner,
            matched.is_line * t.CreateRevService AS asks_line
        FROM (
            SELECT
                m.id AS row_id, l.RevServiceId AS line, l.RevCustomerId AS line_customer,
                l.IntegrationAuthenticationId AS account_id, 1 AS is_line
            FROM dbo.M2M_DeviceChange AS m
            INNER JOIN dbo.RevService AS l ON m.ICCID = l.Number2
            WHERE
                m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.id BETWEEN :first_row_id AND :last_row_id
                AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
            UNION ALL
            SELECT
                asked.row_id, l.RevServiceId AS line, l.RevCustomerId AS line_customer,
                l.IntegrationAuthenticationId AS account_id, 1 AS is_line
            FROM (
                SELECT m.id AS row_id, m.ICCID AS number, 1 AS is_sim
                FROM dbo.M2M_DeviceChange AS m
                WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.id BETWEEN :first_row_id AND :last_row_id
                UNION ALL
                SELECT m.id AS row_id, m.MSISDN AS number, 0 AS is_sim
                FROM dbo.M2M_DeviceChange AS m
                WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.id BETWEEN :first_row_id AND :last_row_id
            ) AS asked
            INNER JOIN dbo.RevService AS l
                ON asked.number = l.Number AND (asked.is_sim = 1 OR COALESCE(l.Number2, '') = '')
            WHERE l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
            UNION ALL
            SELECT
                m.id AS row_id, 0 AS line, i.RevCustomerId AS line_customer,
                i.IntegrationAuthenticationId AS account_id, 0 AS is_line
            FROM dbo.M2M_DeviceChange AS m
            INNER JOIN device_association.rev_intent AS i
                ON m.ICCID = i.ICCID AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
            WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.id BETWEEN :first_row_id AND :last_row_id
        ) AS matched
        INNER JOIN device_association.requested_device AS d ON matched.row_id = d.M2MDeviceChangeId
        INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
        INNER JOIN dbo.Integration_Authentication AS a ON matched.account_id = a.id
        INNER JOIN dbo.Tenant AS account_tenant ON a.TenantId = account_tenant.id
        INNER JOIN dbo.DeviceBulkChange AS c ON c.id = :bulk_change_id
        INNER JOIN dbo.Tenant AS tenant ON c.TenantId = tenant.id
        LEFT JOIN dbo.RevCustomer AS owner ON matched.line_customer = owner.id
        WHERE
            (a.TenantId IN (tenant.id, tenant.ParentTenantId) OR account_tenant.ParentTenantId = tenant.id)
            AND NOT EXISTS (
                SELECT 1 FROM device_association.rev_intent AS mine
                WHERE
                    mine.M2MDeviceChangeId = matched.row_id
                    AND mine.RevServiceId = matched.line
                    AND mine.IntegrationAuthenticationId = matched.account_id
            )
    ) AS found
    WHERE found.is_other = 1 OR found.asks_line = 1
    GROUP BY found.row_id
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
