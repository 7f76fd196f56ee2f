-- Gives a batch of devices of a revert back what they had before the first change, field by field as their history says it.
-- Safe to run twice: a device that is as it was is not touched, and so writes no history; there is one history row for each
-- field that this very batch changed. A row of Device_Tenant that the first change made is deleted softly. A link that came
-- with the first change's customer goes with it.
-- noqa: disable=RF01
DECLARE @wanted TABLE (
    row_id int NOT NULL PRIMARY KEY,
    DeviceId int NOT NULL,
    TenantId int NOT NULL,
    ServiceProviderId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    site int NULL,
    number nvarchar(50) NULL,
    account int NULL,
    line int NULL,
    rate_plan int NULL,
    pool int NULL,
    allocation decimal(25, 4) NULL,
    active bit NOT NULL,
    deleted bit NOT NULL
);
DECLARE @changed TABLE (
    row_id int NOT NULL PRIMARY KEY,
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
    row_id, DeviceId, TenantId, ServiceProviderId, ICCID, MSISDN, site, number, account, line, rate_plan, pool, allocation,
    active, deleted
)
SELECT
    t.id, s.DeviceId, s.TenantId, s.ServiceProviderId, s.ICCID, s.MSISDN,
    CASE WHEN f.HasSite = 1 THEN CAST(f.FormerSite AS int) ELSE t.SiteId END,
    CASE WHEN f.HasNumber = 1 THEN f.FormerNumber ELSE t.AccountNumber END,
    CASE WHEN f.HasAccount = 1 THEN CAST(f.FormerAccount AS int) ELSE t.AccountNumberIntegrationAuthenticationId END,
    CASE
        WHEN f.HasLine = 1 THEN CAST(f.FormerLine AS int)
        WHEN
            f.HasNumber + f.HasAccount > 0
            AND EXISTS (
                SELECT 1 FROM dbo.RevService AS l WHERE l.id = t.RevServiceId AND l.RevCustomerId = s.RevCustomerId
            )
            THEN NULL
        ELSE t.RevServiceId
    END,
    CASE WHEN f.HasPlan = 1 THEN CAST(f.FormerPlan AS int) ELSE t.CustomerRatePlanId END,
    CASE WHEN f.HasPool = 1 THEN CAST(f.FormerPool AS int) ELSE t.CustomerRatePoolId END,
    CASE WHEN f.HasAllocation = 1 THEN CAST(f.FormerAllocation AS decimal(25, 4)) ELSE t.CustomerDataAllocationMB END,
    CASE
        WHEN t.CreatedDate = f.FirstDate THEN 0
        WHEN f.HasActive = 1 THEN CAST(f.FormerActive AS int)
        ELSE CAST(t.IsActive AS int)
    END,
    CASE
        WHEN t.CreatedDate = f.FirstDate THEN 1
        WHEN f.HasDeleted = 1 THEN CAST(f.FormerDeleted AS int)
        ELSE CAST(t.IsDeleted AS int)
    END
FROM device_association.reverting_device AS s
INNER JOIN device_association.former_device AS f
    ON s.BulkChangeId = f.BulkChangeId AND s.M2MDeviceChangeId = f.M2MDeviceChangeId
INNER JOIN dbo.Device_Tenant AS t ON s.DeviceId = t.DeviceId AND s.TenantId = t.TenantId
WHERE
    s.BulkChangeId = :bulk_change_id
    AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND f.BulkChangeId = :bulk_change_id
    AND f.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id;

UPDATE dbo.Device_Tenant
SET
    SiteId = w.site, AccountNumber = w.number, AccountNumberIntegrationAuthenticationId = w.account,
    RevServiceId = w.line, CustomerRatePlanId = w.rate_plan, CustomerRatePoolId = w.pool,
    CustomerDataAllocationMB = w.allocation, IsActive = w.active, IsDeleted = w.deleted, ModifiedBy = :actor,
    ModifiedDate = :now
OUTPUT
    INSERTED.id,
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
        row_id, old_site, new_site, old_number, new_number, old_account, new_account, old_line, new_line,
        old_plan, new_plan, old_pool, new_pool, old_allocation, new_allocation, old_active, new_active,
        old_deleted, new_deleted
    )
FROM @wanted AS w
WHERE
    dbo.Device_Tenant.id = w.row_id
    AND NOT EXISTS (
        SELECT
            dbo.Device_Tenant.SiteId, dbo.Device_Tenant.AccountNumber,
            dbo.Device_Tenant.AccountNumberIntegrationAuthenticationId, dbo.Device_Tenant.RevServiceId,
            dbo.Device_Tenant.CustomerRatePlanId, dbo.Device_Tenant.CustomerRatePoolId,
            dbo.Device_Tenant.CustomerDataAllocationMB, dbo.Device_Tenant.IsActive, dbo.Device_Tenant.IsDeleted
        INTERSECT
        SELECT w.site, w.number, w.account, w.line, w.rate_plan, w.pool, w.allocation, w.active, w.deleted
    );

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    w.ServiceProviderId, w.DeviceId, :bulk_change_id, w.ICCID, w.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Revert Bulk Change', :now, :actor, k.CustomerName, c.new_number, w.TenantId, :actor, :now, 1, 0
FROM @changed AS c
INNER JOIN @wanted AS w ON c.row_id = w.row_id
LEFT JOIN dbo.RevCustomer AS k
    ON c.new_number = k.RevCustomerId AND COALESCE(c.new_account, 0) = COALESCE(k.IntegrationAuthenticationId, 0)
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
