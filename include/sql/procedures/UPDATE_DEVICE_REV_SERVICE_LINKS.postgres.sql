-- Links devices to the newest active line of their customer: by ICCID, else by MSISDN where the line names no SIM, in any spelling.
-- Links to lines disconnected since are cleared. Safe to run twice: a link that is right is not touched.
CREATE OR REPLACE PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS(bulkChangeId bigint)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
-- Installed by device_association, which renews it; without this line it is the portal's and is left alone.
DECLARE
    moment timestamptz(3) := CURRENT_TIMESTAMP;
    change bigint := UPDATE_DEVICE_REV_SERVICE_LINKS.bulkChangeId;
BEGIN
    WITH chosen AS (
        SELECT m.DeviceId, c.TenantId
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        WHERE m.BulkChangeId = change
        UNION
        SELECT e.DeviceId, e.TenantId FROM dbo.Device_Tenant AS e
        WHERE change IS NULL
    ),

    devices AS (
        SELECT
            t.id, t.RevServiceId AS linked, d.id AS device_id, k.id AS customer_id, k.IntegrationAuthenticationId AS account_id
        FROM chosen AS x
        INNER JOIN dbo.Device_Tenant AS t ON x.DeviceId = t.DeviceId AND x.TenantId = t.TenantId
        INNER JOIN dbo.Device AS d ON t.DeviceId = d.id
        LEFT JOIN dbo.RevCustomer AS k
            ON t.AccountNumber = k.RevCustomerId
            AND t.AccountNumberIntegrationAuthenticationId = k.IntegrationAuthenticationId
            AND k.IsDeleted = 0
        WHERE t.IsDeleted = 0
    ),

    candidates AS (
        SELECT d.id, l.LineId AS line_id, k.IsSim AS by_sim, l.ActivatedDate AS since, l.RevServiceId AS number
        FROM devices AS d
        INNER JOIN device_association.sim_key AS k ON d.device_id = k.DeviceId
        INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
        WHERE
            -- no join by it: a customer's devices and lines would be paired each with each
            CASE WHEN d.customer_id = l.RevCustomerId AND d.account_id = l.AccountId THEN 1 ELSE 0 END > 0
            AND l.IsDeleted = 0
            AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > moment)
    ),

    newest AS (
        SELECT DISTINCT ON (c.id) c.id, c.line_id
        FROM candidates AS c
        ORDER BY c.id ASC, c.by_sim DESC, c.since DESC NULLS LAST, c.number DESC
    ),

    wanted AS (
        SELECT
            d.id,
            COALESCE(n.line_id, l.id) AS line_id
        FROM devices AS d
        LEFT JOIN newest AS n ON d.id = n.id
        LEFT JOIN dbo.RevService AS l
            ON d.linked = l.id AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > moment)
    )

    UPDATE dbo.Device_Tenant AS t
    SET RevServiceId = w.line_id, ModifiedBy = 'UPDATE_DEVICE_REV_SERVICE_LINKS', ModifiedDate = moment
    FROM wanted AS w
    WHERE t.id = w.id AND t.RevServiceId IS DISTINCT FROM w.line_id;
END;
$$;
