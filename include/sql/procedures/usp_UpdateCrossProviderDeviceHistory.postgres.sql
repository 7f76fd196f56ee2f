-- Brings the cross-provider history of the given devices up to date: closes the open row where something changed and
-- opens a new one from the date. Safe to run twice: where nothing differs nothing is touched.
CREATE OR REPLACE PROCEDURE dbo.usp_UpdateCrossProviderDeviceHistory(
    m2mDeviceIds text, mobilityDeviceIds text, portalTypeId int, tenantId int, serviceProviderId int,
    effectiveDate timestamptz
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
-- Installed by device_association, which renews it; without this line it is the portal's and is left alone.
DECLARE
    moment timestamptz(3) := CURRENT_TIMESTAMP;
    tenant int := usp_UpdateCrossProviderDeviceHistory.tenantId;
    provider int := usp_UpdateCrossProviderDeviceHistory.serviceProviderId;
    asked timestamptz(3) := usp_UpdateCrossProviderDeviceHistory.effectiveDate;
BEGIN
    CREATE TEMPORARY TABLE IF NOT EXISTS cross_provider_difference (
        device_id int, provider_id int, iccid text, msisdn text, site_id int, account_number text, plan_id int,
        pool_id int, allocation decimal(25, 4), open_id bigint, starts timestamptz(3), open_from timestamptz(3)
    ) ON COMMIT DELETE ROWS;
    DELETE FROM cross_provider_difference;
    INSERT INTO cross_provider_difference
    SELECT
        d.id AS device_id, d.ServiceProviderId AS provider_id, d.ICCID AS iccid, d.MSISDN AS msisdn,
        t.SiteId AS site_id, t.AccountNumber AS account_number, t.CustomerRatePlanId AS plan_id,
        t.CustomerRatePoolId AS pool_id, t.CustomerDataAllocationMB AS allocation, h.id AS open_id,
        GREATEST(
            COALESCE(
                asked,
                d.DateActivated,
                (
                    SELECT MIN(s.DateOfChange)
                    FROM dbo.DeviceStatusHistory AS s
                    INNER JOIN dbo.DeviceStatus AS a ON UPPER(s.CurrentStatus) = UPPER(a.Status) AND a.IsActiveStatus = 1
                    WHERE s.ICCID = d.ICCID
                ),
                moment
            ),
            h.EffectiveFrom
        ) AS starts,
        h.EffectiveFrom AS open_from
    FROM (
        SELECT DISTINCT CAST(x AS int) AS device_id
        FROM UNNEST(STRING_TO_ARRAY(CONCAT_WS(',', NULLIF(m2mDeviceIds, ''), NULLIF(mobilityDeviceIds, '')), ',')) AS x
        WHERE x <> ''
    ) AS ids
    INNER JOIN dbo.Device AS d ON ids.device_id = d.id
    INNER JOIN dbo.Device_Tenant AS t ON d.id = t.DeviceId AND t.TenantId = tenant
    LEFT JOIN dbo.CrossProviderDeviceHistory AS h
        ON d.id = h.DeviceId AND h.TenantId = tenant AND h.EffectiveTo IS NULL
    WHERE
        (provider IS NULL OR d.ServiceProviderId = provider)
        AND (
            h.id IS NULL
            OR h.SiteId IS DISTINCT FROM t.SiteId
            OR h.AccountNumber IS DISTINCT FROM t.AccountNumber
            OR h.CustomerRatePlanId IS DISTINCT FROM t.CustomerRatePlanId
            OR h.CustomerRatePoolId IS DISTINCT FROM t.CustomerRatePoolId
            OR h.CustomerDataAllocationMB IS DISTINCT FROM t.CustomerDataAllocationMB
        );

    UPDATE dbo.CrossProviderDeviceHistory AS h
    SET
        SiteId = x.site_id, AccountNumber = x.account_number, CustomerRatePlanId = x.plan_id,
        CustomerRatePoolId = x.pool_id, CustomerDataAllocationMB = x.allocation, ModifiedDate = moment
    FROM cross_provider_difference AS x
    WHERE h.id = x.open_id AND x.starts = x.open_from;

    UPDATE dbo.CrossProviderDeviceHistory AS h
    SET EffectiveTo = x.starts, ModifiedDate = moment
    FROM cross_provider_difference AS x
    WHERE h.id = x.open_id AND x.starts > x.open_from;

    INSERT INTO dbo.CrossProviderDeviceHistory (
        DeviceId, TenantId, ServiceProviderId, ICCID, MSISDN, SiteId, AccountNumber, CustomerRatePlanId,
        CustomerRatePoolId, CustomerDataAllocationMB, EffectiveFrom, CreatedDate
    )
    SELECT
        x.device_id, tenant, x.provider_id, x.iccid, x.msisdn, x.site_id, x.account_number, x.plan_id, x.pool_id,
        x.allocation, x.starts, moment
    FROM cross_provider_difference AS x
    WHERE x.open_id IS NULL OR x.starts > x.open_from;
END;
$$;
