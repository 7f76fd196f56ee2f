-- Gives a batch of devices of a revert back the carrier rate plan (and communication plan) that they had before the first
-- change, with one history row a changed field.
-- Safe to run twice: a device that is as it was is not touched, and so writes no history.
-- noqa: disable=RF01
DECLARE @wanted TABLE (
    DeviceId int NOT NULL PRIMARY KEY,
    TenantId int NOT NULL,
    ServiceProviderId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    number nvarchar(50) NULL,
    account int NULL,
    carrier_plan int NULL,
    comm_plan nvarchar(100) NULL
);
DECLARE @updated TABLE (
    DeviceId int NOT NULL PRIMARY KEY,
    old_plan int NULL, new_plan int NULL,
    old_comm nvarchar(100) NULL, new_comm nvarchar(100) NULL
);

INSERT INTO @wanted (
    DeviceId, TenantId, ServiceProviderId, ICCID, MSISDN, number, account, carrier_plan, comm_plan
)
SELECT
    s.DeviceId, s.TenantId, s.ServiceProviderId, s.ICCID, s.MSISDN, t.AccountNumber,
    t.AccountNumberIntegrationAuthenticationId,
    CASE WHEN f.HasCarrier = 1 THEN CAST(f.FormerCarrier AS int) ELSE d.CarrierRatePlanId END,
    CASE WHEN f.HasComm = 1 THEN f.FormerComm ELSE d.CommPlan END
FROM device_association.reverting_device AS s
INNER JOIN device_association.former_device AS f
    ON s.BulkChangeId = f.BulkChangeId AND s.M2MDeviceChangeId = f.M2MDeviceChangeId
INNER JOIN dbo.Device AS d ON s.DeviceId = d.id
INNER JOIN dbo.Device_Tenant AS t ON s.DeviceId = t.DeviceId AND s.TenantId = t.TenantId
WHERE
    s.BulkChangeId = :bulk_change_id
    AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND f.BulkChangeId = :bulk_change_id
    AND f.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND f.HasCarrier + f.HasComm > 0;

UPDATE dbo.Device
SET CarrierRatePlanId = w.carrier_plan, CommPlan = w.comm_plan, ModifiedBy = :actor, ModifiedDate = :now
OUTPUT
    INSERTED.id, DELETED.CarrierRatePlanId, INSERTED.CarrierRatePlanId, DELETED.CommPlan, INSERTED.CommPlan
INTO @updated (DeviceId, old_plan, new_plan, old_comm, new_comm)
FROM @wanted AS w
WHERE
    dbo.Device.id = w.DeviceId
    AND NOT EXISTS (
        SELECT dbo.Device.CarrierRatePlanId, dbo.Device.CommPlan
        INTERSECT
        SELECT w.carrier_plan, w.comm_plan
    );

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    w.ServiceProviderId, w.DeviceId, :bulk_change_id, w.ICCID, w.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Revert Bulk Change', :now, :actor, k.CustomerName, w.number, w.TenantId, :actor, :now, 1, 0
FROM @updated AS u
INNER JOIN @wanted AS w ON u.DeviceId = w.DeviceId
LEFT JOIN dbo.RevCustomer AS k
    ON w.number = k.RevCustomerId AND COALESCE(w.account, 0) = COALESCE(k.IntegrationAuthenticationId, 0)
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
