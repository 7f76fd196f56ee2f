-- Queues the customer rate plans of a batch of settled devices whose date is still to come.
-- Safe to run twice: one waiting row a device and change.
INSERT INTO dbo.Device_CustomerRatePlanOrRatePool_Queue (
    DeviceId, CustomerRatePlanId, CustomerRatePoolId, CustomerDataAllocationMB, EffectiveDate, PortalType, TenantId,
    BulkChangeId, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    w.DeviceId, w.CustomerRatePlanId, w.CustomerRatePoolId, w.CustomerDataAllocationMB, w.EffectiveDate, 0, w.TenantId,
    w.BulkChangeId, :actor, :now, 1, 0
FROM device_association.settled_device AS w
WHERE
    w.BulkChangeId = :bulk_change_id
    AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND w.AddCustomerRatePlan = 1
    AND w.EffectiveDate > :now
    AND NOT EXISTS (
        SELECT 1 FROM dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
        WHERE q.DeviceId = w.DeviceId AND q.BulkChangeId = w.BulkChangeId AND q.IsDeleted = 0
    )
