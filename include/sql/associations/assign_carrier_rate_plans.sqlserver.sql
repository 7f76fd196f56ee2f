-- Sets the carrier rate plan (and communication plan) of a batch of settled devices, with one history row a changed field.
-- Safe to run twice: a device that has the plan is not touched, and so writes no history.
-- noqa: disable=RF01
DECLARE @wanted TABLE (
    DeviceId int NOT NULL PRIMARY KEY,
    TenantId int NOT NULL,
    ServiceProviderId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    AccountName nvarchar(200) NOT NULL,
    AccountNumber nvarchar(50) NOT NULL,
    CarrierRatePlanId int NOT NULL,
    CommPlan nvarchar(100) NULL
);
DECLARE @updated TABLE (
    DeviceId int NOT NULL PRIMARY KEY,
    old_plan int NULL, new_plan int NULL,
    old_comm nvarchar(100) NULL, new_comm nvarchar(100) NULL
);

INSERT INTO @wanted (
    DeviceId, TenantId, ServiceProviderId, ICCID, MSISDN, AccountName, AccountNumber, CarrierRatePlanId, CommPlan
)
SELECT
    s.DeviceId, s.TenantId, s.ServiceProviderId, s.ICCID, s.MSISDN, s.AccountName, s.AccountNumber, p.id, s.CommPlan
FROM device_association.settled_device AS s
INNER JOIN dbo.CarrierRatePlan AS p
    ON s.CarrierRatePlan = p.RatePlanCode AND s.ServiceProviderId = p.ServiceProviderId AND p.IsDeleted = 0
WHERE
    s.BulkChangeId = :bulk_change_id
    AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND s.AddCarrierRatePlan = 1;

UPDATE dbo.Device
SET
    CarrierRatePlanId = w.CarrierRatePlanId,
    CommPlan = COALESCE(w.CommPlan, dbo.Device.CommPlan),
    ModifiedBy = :actor,
    ModifiedDate = :now
OUTPUT
    INSERTED.id, DELETED.CarrierRatePlanId, INSERTED.CarrierRatePlanId, DELETED.CommPlan, INSERTED.CommPlan
INTO @updated (DeviceId, old_plan, new_plan, old_comm, new_comm)
FROM @wanted AS w
WHERE
    dbo.Device.id = w.DeviceId
    AND NOT EXISTS (
        SELECT dbo.Device.CarrierRatePlanId, dbo.Device.CommPlan
        INTERSECT
        SELECT w.CarrierRatePlanId, COALESCE(w.CommPlan, dbo.Device.CommPlan)
    );

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    w.ServiceProviderId, w.DeviceId, :bulk_change_id, w.ICCID, w.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Associate Customer', :now, :actor, w.AccountName, w.AccountNumber, w.TenantId, :actor, :now, 1, 0
FROM @updated AS u
INNER JOIN @wanted AS w ON u.DeviceId = w.DeviceId
CROSS APPLY (
    VALUES
    (N'CarrierRatePlanId', CAST(u.old_plan AS nvarchar(MAX)), CAST(u.new_plan AS nvarchar(MAX))),
    (N'CommPlan', CAST(u.old_comm AS nvarchar(MAX)), CAST(u.new_comm AS nvarchar(MAX)))
) AS f(changed_field, previous_value, current_value)
WHERE NOT EXISTS (
    SELECT f.previous_value
    INTERSECT
    SELECT f.current_value
);
SELECT @@ROWCOUNT AS changed;
