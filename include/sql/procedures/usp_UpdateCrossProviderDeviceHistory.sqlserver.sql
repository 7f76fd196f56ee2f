-- Brings the cross-provider history of the given devices up to date: closes the open row where something changed and
-- opens a new one from the date. Safe to run twice: where nothing differs nothing is touched.
-- noqa: disable=RF01
IF OBJECT_ID('dbo.usp_UpdateCrossProviderDeviceHistory', 'P') IS NOT NULL
    DROP PROCEDURE dbo.usp_UpdateCrossProviderDeviceHistory;
GO
CREATE PROCEDURE dbo.usp_UpdateCrossProviderDeviceHistory
    @m2mDeviceIds nvarchar(MAX),
    @mobilityDeviceIds nvarchar(MAX),
    @portalTypeId int,
    @tenantId int,
    @serviceProviderId int,
    @effectiveDate datetime2(3) = NULL
AS
BEGIN
    -- Installed by device_association, which renews it; without this line it is the portal's and is left alone.
    SET NOCOUNT ON;
    DECLARE @moment datetime2(3) = SYSUTCDATETIME();
    DECLARE @ids TABLE (device_id int NOT NULL PRIMARY KEY);
    DECLARE @difference TABLE (
        device_id int NOT NULL PRIMARY KEY,
        provider_id int NULL,
        iccid nvarchar(50) NULL,
        msisdn nvarchar(50) NULL,
        site_id int NULL,
        account_number nvarchar(50) NULL,
        plan_id int NULL,
        pool_id int NULL,
        allocation decimal(25, 4) NULL,
        open_id bigint NULL,
        open_from datetime2(3) NULL,
        starts datetime2(3) NOT NULL
    );

    INSERT INTO @ids (device_id)
    SELECT DISTINCT CAST(x.[value] AS int)
    FROM STRING_SPLIT(CONCAT(@m2mDeviceIds, N',', @mobilityDeviceIds), N',') AS x
    WHERE x.[value] <> N'';

    INSERT INTO @difference (
        device_id, provider_id, iccid, msisdn, site_id, account_number, plan_id, pool_id, allocation, open_id,
        open_from, starts
    )
    SELECT
        d.id, d.ServiceProviderId, d.ICCID, d.MSISDN, t.SiteId, t.AccountNumber, t.CustomerRatePlanId,
        t.CustomerRatePoolId, t.CustomerDataAllocationMB, h.id, h.EffectiveFrom,
        COALESCE(
            @effectiveDate,
            d.DateActivated,
            (
                SELECT MIN(s.DateOfChange)
                FROM dbo.DeviceStatusHistory AS s
                INNER JOIN dbo.DeviceStatus AS a ON UPPER(s.CurrentStatus) = UPPER(a.Status) AND a.IsActiveStatus = 1
                WHERE s.ICCID = d.ICCID
            ),
            @moment
        )
    FROM @ids AS i
    INNER JOIN dbo.Device AS d ON i.device_id = d.id
    INNER JOIN dbo.Device_Tenant AS t ON d.id = t.DeviceId AND t.TenantId = @tenantId
    LEFT JOIN dbo.CrossProviderDeviceHistory AS h
        ON d.id = h.DeviceId AND h.TenantId = @tenantId AND h.EffectiveTo IS NULL
    WHERE
        (@serviceProviderId IS NULL OR d.ServiceProviderId = @serviceProviderId)
        AND (
            h.id IS NULL
            OR NOT EXISTS (
                SELECT
                    h.SiteId, h.AccountNumber, h.CustomerRatePlanId, h.CustomerRatePoolId, h.CustomerDataAllocationMB
                INTERSECT
                SELECT
                    t.SiteId, t.AccountNumber, t.CustomerRatePlanId, t.CustomerRatePoolId, t.CustomerDataAllocationMB
            )
        );

    UPDATE @difference SET starts = open_from WHERE open_from > starts;

    UPDATE dbo.CrossProviderDeviceHistory
    SET
        SiteId = x.site_id, AccountNumber = x.account_number, CustomerRatePlanId = x.plan_id,
        CustomerRatePoolId = x.pool_id, CustomerDataAllocationMB = x.allocation, ModifiedDate = @moment
    FROM @difference AS x
    WHERE dbo.CrossProviderDeviceHistory.id = x.open_id AND x.starts = x.open_from;

    UPDATE dbo.CrossProviderDeviceHistory
    SET EffectiveTo = x.starts, ModifiedDate = @moment
    FROM @difference AS x
    WHERE dbo.CrossProviderDeviceHistory.id = x.open_id AND x.starts > x.open_from;

    INSERT INTO dbo.CrossProviderDeviceHistory (
        DeviceId, TenantId, ServiceProviderId, ICCID, MSISDN, SiteId, AccountNumber, CustomerRatePlanId,
        CustomerRatePoolId, CustomerDataAllocationMB, EffectiveFrom, CreatedDate
    )
    SELECT
        x.device_id, @tenantId, x.provider_id, x.iccid, x.msisdn, x.site_id, x.account_number, x.plan_id, x.pool_id,
        x.allocation, x.starts, @moment
    FROM @difference AS x
    WHERE x.open_id IS NULL OR x.starts > x.open_from;
END;
