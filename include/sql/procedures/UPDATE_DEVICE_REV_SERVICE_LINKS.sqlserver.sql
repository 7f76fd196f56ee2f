-- Links devices to the newest active line of their customer: by ICCID, else by MSISDN where the line names no SIM, in any spelling.
-- Links to lines disconnected since are cleared. Safe to run twice: a link that is right is not touched.
-- noqa: disable=RF01
IF OBJECT_ID('dbo.UPDATE_DEVICE_REV_SERVICE_LINKS', 'P') IS NOT NULL
    DROP PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS;
GO
CREATE PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS
    @bulkChangeId bigint = NULL
AS
BEGIN
    -- Installed by device_association, which renews it; without this line it is the portal's and is left alone.
    SET NOCOUNT ON;
    DECLARE @moment datetime2(3) = SYSUTCDATETIME();
    DECLARE @devices TABLE (
        id int NOT NULL PRIMARY KEY,
        linked int NULL,
        device_id int NOT NULL,
        customer_id uniqueidentifier NULL,
        account_id int NULL
    );
    DECLARE @candidates TABLE (
        id int NOT NULL,
        line_id int NOT NULL,
        by_sim int NOT NULL,
        since datetime2(3) NULL,
        number int NOT NULL
    );

    INSERT INTO @devices (id, linked, device_id, customer_id, account_id)
    SELECT t.id, t.RevServiceId, d.id, k.id, k.IntegrationAuthenticationId
    FROM (
        SELECT m.DeviceId, c.TenantId
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        WHERE m.BulkChangeId = @bulkChangeId
        UNION
        SELECT e.DeviceId, e.TenantId FROM dbo.Device_Tenant AS e
        WHERE @bulkChangeId IS NULL
    ) AS x
    INNER JOIN dbo.Device_Tenant AS t ON x.DeviceId = t.DeviceId AND x.TenantId = t.TenantId
    INNER JOIN dbo.Device AS d ON t.DeviceId = d.id
    LEFT JOIN dbo.RevCustomer AS k
        ON
            t.AccountNumber = k.RevCustomerId
            AND t.AccountNumberIntegrationAuthenticationId = k.IntegrationAuthenticationId
            AND k.IsDeleted = 0
    WHERE t.IsDeleted = 0;

    INSERT INTO @candidates (id, line_id, by_sim, since, number)
    SELECT d.id, l.LineId, k.IsSim, l.ActivatedDate, l.RevServiceId
    FROM @devices AS d
    INNER JOIN device_association.sim_key AS k ON d.device_id = k.DeviceId
    INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
    WHERE
        l.IsPlain = 1
        -- no join by it: a customer's devices and lines would be paired each with each
        AND CASE WHEN d.customer_id = l.RevCustomerId AND d.account_id = l.AccountId THEN 1 ELSE 0 END = 1
        AND l.IsDeleted = 0
        AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > @moment);

    -- Spellings that no index serves: the table is read once, whatever the optimizer thinks of the number of devices.
    INSERT INTO @candidates (id, line_id, by_sim, since, number)
    SELECT d.id, l.LineId, k.IsSim, l.ActivatedDate, l.RevServiceId
    FROM @devices AS d
    INNER JOIN device_association.sim_key AS k ON d.device_id = k.DeviceId
    INNER HASH JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
    WHERE
        l.IsPlain = 0
        AND CASE WHEN d.customer_id = l.RevCustomerId AND d.account_id = l.AccountId THEN 1 ELSE 0 END = 1
        AND l.IsDeleted = 0
        AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > @moment);

    WITH ranked AS (
        SELECT
            c.id,
            c.line_id,
            ROW_NUMBER() OVER (PARTITION BY c.id ORDER BY c.by_sim DESC, c.since DESC, c.number DESC) AS place
        FROM @candidates AS c
    ),

    wanted AS (
        SELECT
            d.id,
            COALESCE(r.line_id, l.id) AS line_id
        FROM @devices AS d
        LEFT JOIN ranked AS r ON d.id = r.id AND r.place = 1
        LEFT JOIN dbo.RevService AS l
            ON
                d.linked = l.id AND l.IsDeleted = 0 AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > @moment)
    )

    UPDATE dbo.Device_Tenant
    SET RevServiceId = w.line_id, ModifiedBy = 'UPDATE_DEVICE_REV_SERVICE_LINKS', ModifiedDate = @moment
    FROM wanted AS w
    WHERE
        dbo.Device_Tenant.id = w.id
        AND NOT EXISTS (
            SELECT dbo.Device_Tenant.RevServiceId
            INTERSECT
            SELECT w.line_id
        );
END;
