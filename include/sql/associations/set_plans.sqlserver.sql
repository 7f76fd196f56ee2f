-- Sets the plan, pool and allocation of a batch's plans that nothing speaks against, unless the device went to another
-- customer since that was decided; writes one history row for each field that this very batch changed.
-- Safe to run twice: a device that has the plan is not touched, and so writes no history.
-- noqa: disable=RF01
DECLARE @wanted TABLE (
    DeviceId int NOT NULL,
    TenantId int NOT NULL,
    BulkChangeId bigint NULL,
    CustomerRatePlanId int NULL,
    CustomerRatePoolId int NULL,
    CustomerDataAllocationMB decimal(25, 4) NULL,
    asked_by nvarchar(100) NOT NULL,
    ServiceProviderId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    customer_number nvarchar(50) NULL,
    customer_account int NOT NULL,
    PRIMARY KEY (DeviceId, TenantId)
);
DECLARE @changed TABLE (
    DeviceId int NOT NULL,
    TenantId int NOT NULL,
    account_number nvarchar(50) NULL,
    account_id int NULL,
    old_plan int NULL, new_plan int NULL,
    old_pool int NULL, new_pool int NULL,
    old_allocation decimal(25, 4) NULL, new_allocation decimal(25, 4) NULL,
    PRIMARY KEY (DeviceId, TenantId)
);

INSERT INTO @wanted (
    DeviceId, TenantId, BulkChangeId, CustomerRatePlanId, CustomerRatePoolId, CustomerDataAllocationMB, asked_by,
    ServiceProviderId, ICCID, MSISDN, customer_number, customer_account
)
SELECT
    q.DeviceId, q.TenantId, q.BulkChangeId, q.CustomerRatePlanId, q.CustomerRatePoolId, q.CustomerDataAllocationMB,
    COALESCE(q.CreatedBy, :actor), d.ServiceProviderId, d.ICCID, d.MSISDN, k.RevCustomerId,
    COALESCE(k.IntegrationAuthenticationId, 0)
FROM device_association.plan_outcome AS o
INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
INNER JOIN dbo.Device AS d ON q.DeviceId = d.id
LEFT JOIN device_association.requested_device AS r ON o.M2MDeviceChangeId = r.M2MDeviceChangeId
LEFT JOIN device_association.request_terms AS w ON r.TermsId = w.id
LEFT JOIN dbo.RevCustomer AS k ON w.RevCustomerId = k.id
WHERE o.BatchId = :batch_id AND o.Outcome = 'APPLIED';

UPDATE dbo.Device_Tenant
SET
    CustomerRatePlanId = w.CustomerRatePlanId,
    CustomerRatePoolId = w.CustomerRatePoolId,
    CustomerDataAllocationMB = w.CustomerDataAllocationMB,
    ModifiedBy = w.asked_by,
    ModifiedDate = :now
OUTPUT
    INSERTED.DeviceId, INSERTED.TenantId, INSERTED.AccountNumber, INSERTED.AccountNumberIntegrationAuthenticationId,
    DELETED.CustomerRatePlanId, INSERTED.CustomerRatePlanId,
    DELETED.CustomerRatePoolId, INSERTED.CustomerRatePoolId,
    DELETED.CustomerDataAllocationMB, INSERTED.CustomerDataAllocationMB
INTO
    @changed (
        DeviceId, TenantId, account_number, account_id, old_plan, new_plan, old_pool, new_pool, old_allocation,
        new_allocation
    )
FROM @wanted AS w
WHERE
    dbo.Device_Tenant.DeviceId = w.DeviceId
    AND dbo.Device_Tenant.TenantId = w.TenantId
    AND dbo.Device_Tenant.IsDeleted = 0
    AND (
        w.customer_number IS NULL
        OR (
            dbo.Device_Tenant.AccountNumber = w.customer_number
            AND COALESCE(dbo.Device_Tenant.AccountNumberIntegrationAuthenticationId, 0) = w.customer_account
        )
    )
    AND NOT EXISTS (
        SELECT
            dbo.Device_Tenant.CustomerRatePlanId, dbo.Device_Tenant.CustomerRatePoolId,
            dbo.Device_Tenant.CustomerDataAllocationMB
        INTERSECT
        SELECT w.CustomerRatePlanId, w.CustomerRatePoolId, w.CustomerDataAllocationMB
    );

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    w.ServiceProviderId, w.DeviceId, w.BulkChangeId, w.ICCID, w.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Associate Customer', :now, w.asked_by,
    (
        SELECT MIN(n.CustomerName) FROM dbo.RevCustomer AS n
        WHERE
            n.RevCustomerId = c.account_number
            AND COALESCE(n.IntegrationAuthenticationId, 0) = COALESCE(c.account_id, 0)
    ),
    c.account_number, w.TenantId, w.asked_by, :now, 1, 0
FROM @changed AS c
INNER JOIN @wanted AS w ON c.DeviceId = w.DeviceId AND c.TenantId = w.TenantId
CROSS APPLY (
    VALUES
    (N'CustomerRatePlanId', CAST(c.old_plan AS nvarchar(MAX)), CAST(c.new_plan AS nvarchar(MAX))),
    (N'CustomerRatePoolId', CAST(c.old_pool AS nvarchar(MAX)), CAST(c.new_pool AS nvarchar(MAX))),
    (
        N'CustomerDataAllocationMB',
        CAST(c.old_allocation AS nvarchar(MAX)), CAST(c.new_allocation AS nvarchar(MAX))
    )
) AS f(changed_field, previous_value, current_value)
WHERE NOT EXISTS (
    SELECT f.previous_value
    INTERSECT
    SELECT f.current_value
);
SELECT @@ROWCOUNT AS changed;
