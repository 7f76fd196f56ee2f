-- Gives a batch of settled devices to their customer: site, account, link to the line, and the plans whose date has come;
-- writes one history row for each field that this very batch changed.
-- Safe to run twice: a device that is as requested is not touched, and so writes no history.
-- noqa: disable=RF01
DECLARE @wanted TABLE (
    DeviceId int NOT NULL PRIMARY KEY,
    TenantId int NOT NULL,
    ServiceProviderId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    SiteId int NOT NULL,
    AccountName nvarchar(200) NOT NULL,
    AccountNumber nvarchar(50) NOT NULL,
    AccountId int NULL,
    RevServiceId int NULL,
    CustomerRatePlanId int NULL,
    CustomerRatePoolId int NULL,
    CustomerDataAllocationMB decimal(25, 4) NULL,
    sets_plan bit NOT NULL
);
DECLARE @changed TABLE (
    DeviceId int NOT NULL PRIMARY KEY,
    old_site int NULL, new_site int NULL,
    old_number nvarchar(50) NULL, new_number nvarchar(50) NULL,
    old_account int NULL, new_account int NULL,
    old_line int NULL, new_line int NULL,
    old_plan int NULL, new_plan int NULL,
    old_pool int NULL, new_pool int NULL,
    old_allocation decimal(25, 4) NULL, new_allocation decimal(25, 4) NULL,
    old_active bit NULL, new_active bit NULL,
    old_deleted bit NULL, new_deleted bit NULL
);

INSERT INTO @wanted (
    DeviceId, TenantId, ServiceProviderId, ICCID, MSISDN, SiteId, AccountName, AccountNumber, AccountId, RevServiceId,
    CustomerRatePlanId, CustomerRatePoolId, CustomerDataAllocationMB, sets_plan
)
SELECT
    s.DeviceId, s.TenantId, s.ServiceProviderId, s.ICCID, s.MSISDN, s.SiteId, s.AccountName, s.AccountNumber,
    s.AccountNumberIntegrationAuthenticationId, s.RevServiceId, s.CustomerRatePlanId, s.CustomerRatePoolId,
    s.CustomerDataAllocationMB,
    CASE WHEN s.AddCustomerRatePlan = 1 AND COALESCE(s.EffectiveDate, :now) <= :now THEN 1 ELSE 0 END
FROM device_association.settled_device AS s
WHERE s.BulkChangeId = :bulk_change_id AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id;

UPDATE dbo.Device_Tenant
SET
    SiteId = w.SiteId,
    AccountNumber = w.AccountNumber,
    AccountNumberIntegrationAuthenticationId = w.AccountId,
    RevServiceId = COALESCE(w.RevServiceId, dbo.Device_Tenant.RevServiceId),
    CustomerRatePlanId = CASE
        WHEN w.sets_plan = 1 THEN w.CustomerRatePlanId ELSE dbo.Device_Tenant.CustomerRatePlanId
    END,
    CustomerRatePoolId = CASE
        WHEN w.sets_plan = 1 THEN w.CustomerRatePoolId ELSE dbo.Device_Tenant.CustomerRatePoolId
    END,
    CustomerDataAllocationMB = CASE
        WHEN w.sets_plan = 1 THEN w.CustomerDataAllocationMB ELSE dbo.Device_Tenant.CustomerDataAllocationMB
    END,
    IsActive = 1,
    IsDeleted = 0,
    ModifiedBy = :actor,
    ModifiedDate = :now
OUTPUT
    INSERTED.DeviceId,
    DELETED.SiteId, INSERTED.SiteId,
    DELETED.AccountNumber, INSERTED.AccountNumber,
    DELETED.AccountNumberIntegrationAuthenticationId, INSERTED.AccountNumberIntegrationAuthenticationId,
    DELETED.RevServiceId, INSERTED.RevServiceId,
    DELETED.CustomerRatePlanId, INSERTED.CustomerRatePlanId,
    DELETED.CustomerRatePoolId, INSERTED.CustomerRatePoolId,
    DELETED.CustomerDataAllocationMB, INSERTED.CustomerDataAllocationMB,
    DELETED.IsActive, INSERTED.IsActive,
    DELETED.IsDeleted, INSERTED.IsDeleted
INTO
    @changed (
        DeviceId, old_site, new_site, old_number, new_number, old_account, new_account, old_line, new_line,
        old_plan, new_plan, old_pool, new_pool, old_allocation, new_allocation, old_active, new_active,
        old_deleted, new_deleted
    )
FROM @wanted AS w
WHERE
    dbo.Device_Tenant.DeviceId = w.DeviceId
    AND dbo.Device_Tenant.TenantId = w.TenantId
    AND (
        dbo.Device_Tenant.IsActive = 0
        OR dbo.Device_Tenant.IsDeleted = 1
        OR NOT EXISTS (
            SELECT
                dbo.Device_Tenant.SiteId, dbo.Device_Tenant.AccountNumber,
                dbo.Device_Tenant.AccountNumberIntegrationAuthenticationId, dbo.Device_Tenant.RevServiceId
            INTERSECT
            SELECT w.SiteId, w.AccountNumber, w.AccountId, COALESCE(w.RevServiceId, dbo.Device_Tenant.RevServiceId)
        )
        OR (
            w.sets_plan = 1
            AND NOT EXISTS (
                SELECT
                    dbo.Device_Tenant.CustomerRatePlanId, dbo.Device_Tenant.CustomerRatePoolId,
                    dbo.Device_Tenant.CustomerDataAllocationMB
                INTERSECT
                SELECT w.CustomerRatePlanId, w.CustomerRatePoolId, w.CustomerDataAllocationMB
            )
        )
    );

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    w.ServiceProviderId, w.DeviceId, :bulk_change_id, w.ICCID, w.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Associate Customer', :now, :actor, w.AccountName, w.AccountNumber, w.TenantId, :actor, :now, 1, 0
FROM @changed AS c
INNER JOIN @wanted AS w ON c.DeviceId = w.DeviceId
CROSS APPLY (
    VALUES
    (N'SiteId', CAST(c.old_site AS nvarchar(MAX)), CAST(c.new_site AS nvarchar(MAX))),
    (N'AccountNumber', CAST(c.old_number AS nvarchar(MAX)), CAST(c.new_number AS nvarchar(MAX))),
    (
        N'AccountNumberIntegrationAuthenticationId',
        CAST(c.old_account AS nvarchar(MAX)), CAST(c.new_account AS nvarchar(MAX))
    ),
    (N'RevServiceId', CAST(c.old_line AS nvarchar(MAX)), CAST(c.new_line AS nvarchar(MAX))),
    (N'CustomerRatePlanId', CAST(c.old_plan AS nvarchar(MAX)), CAST(c.new_plan AS nvarchar(MAX))),
    (N'CustomerRatePoolId', CAST(c.old_pool AS nvarchar(MAX)), CAST(c.new_pool AS nvarchar(MAX))),
    (
        N'CustomerDataAllocationMB',
        CAST(c.old_allocation AS nvarchar(MAX)), CAST(c.new_allocation AS nvarchar(MAX))
    ),
    (N'IsActive', CAST(c.old_active AS nvarchar(MAX)), CAST(c.new_active AS nvarchar(MAX))),
    (N'IsDeleted', CAST(c.old_deleted AS nvarchar(MAX)), CAST(c.new_deleted AS nvarchar(MAX)))
) AS f(changed_field, previous_value, current_value)
WHERE NOT EXISTS (
    SELECT f.previous_value
    INTERSECT
    SELECT f.current_value
);
SELECT @@ROWCOUNT AS changed;
