-- Sets the carrier rate plan (and communication plan) of a batch of settled devices, with one history row a changed field.
-- Safe to run twice: a device that has the plan is not touched, and so writes no history.
WITH wanted AS (
    SELECT s.*, p.id AS CarrierRatePlanId
    FROM device_association.settled_device AS s
    INNER JOIN dbo.CarrierRatePlan AS p
        ON s.CarrierRatePlan = p.RatePlanCode AND s.ServiceProviderId = p.ServiceProviderId AND p.IsDeleted = 0
    WHERE
        s.BulkChangeId = :bulk_change_id
        AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
        AND s.AddCarrierRatePlan = 1
),

updated AS (
    UPDATE dbo.Device AS d
    SET
        CarrierRatePlanId = w.CarrierRatePlanId,
        CommPlan = COALESCE(w.CommPlan, d.CommPlan),
        ModifiedBy = :actor,
        ModifiedDate = :now
    FROM wanted AS w
    WHERE
        d.id = w.DeviceId
        AND (
            d.CarrierRatePlanId IS DISTINCT FROM w.CarrierRatePlanId
            OR d.CommPlan IS DISTINCT FROM COALESCE(w.CommPlan, d.CommPlan)
        )
    RETURNING
        w.ServiceProviderId, w.DeviceId, w.BulkChangeId, w.ICCID, w.MSISDN, w.AccountName, w.AccountNumber, w.TenantId,
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
    f.current_value, 'Associate Customer', :now, :actor, u.AccountName, u.AccountNumber, u.TenantId, :actor, :now, 1, 0
FROM updated AS u
CROSS JOIN
    LATERAL (
        VALUES
        ('CarrierRatePlanId', CAST(u.old_plan AS text), CAST(u.new_plan AS text)),
        ('CommPlan', u.old_comm, u.new_comm)
    ) AS f (changed_field, previous_value, current_value)
WHERE f.previous_value IS DISTINCT FROM f.current_value
