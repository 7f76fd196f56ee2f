-- Gives a batch of devices of a revert back the carrier rate plan (and communication plan) that they had before the first
-- change, with one history row a changed field.
-- Safe to run twice: a device that is as it was is not touched, and so writes no history.
WITH wanted AS (
    SELECT
        s.BulkChangeId, s.DeviceId, s.TenantId, s.ServiceProviderId, s.ICCID, s.MSISDN, t.AccountNumber AS number,
        t.AccountNumberIntegrationAuthenticationId AS account,
        CASE WHEN f.HasCarrier = 1 THEN CAST(f.FormerCarrier AS int) ELSE d.CarrierRatePlanId END AS carrier_plan,
        CASE WHEN f.HasComm = 1 THEN f.FormerComm ELSE d.CommPlan END AS comm_plan
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
        AND f.HasCarrier + f.HasComm > 0
),

updated AS (
    UPDATE dbo.Device AS d
    SET CarrierRatePlanId = w.carrier_plan, CommPlan = w.comm_plan, ModifiedBy = :actor, ModifiedDate = :now
    FROM wanted AS w
    WHERE
        d.id = w.DeviceId
        AND (d.CarrierRatePlanId IS DISTINCT FROM w.carrier_plan OR d.CommPlan IS DISTINCT FROM w.comm_plan)
    RETURNING
        w.ServiceProviderId, w.DeviceId, w.BulkChangeId, w.ICCID, w.MSISDN, w.number, w.account, w.TenantId,
        OLD.CarrierRatePlanId AS old_plan, NEW.CarrierRatePlanId AS new_plan,
        OLD.CommPlan AS old_comm, NEW.CommPlan AS new_comm
)

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    u.ServiceProviderId, u.DeviceId, u.BulkChangeId, u.ICCID, u.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Revert Bulk Change', :now, :actor, k.CustomerName, u.number, u.TenantId, :actor, :now, 1, 0
FROM updated AS u
LEFT JOIN dbo.RevCustomer AS k
    ON u.number = k.RevCustomerId AND COALESCE(u.account, 0) = COALESCE(k.IntegrationAuthenticationId, 0)
CROSS JOIN
    LATERAL (
        VALUES
        ('CarrierRatePlanId', CAST(u.old_plan AS text), CAST(u.new_plan AS text)),
        ('CommPlan', u.old_comm, u.new_comm)
    ) AS f (changed_field, previous_value, current_value)
WHERE f.previous_value IS DISTINCT FROM f.current_value
