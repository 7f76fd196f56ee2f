-- Writes one log row for each customer rate plan that a batch of devices got or waits for.
-- Safe to run twice: it runs in the transaction that makes the rows final, before they are.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    w.BulkChangeId, w.M2MDeviceChangeId, 'assign_customer_rate_plan',
    CONCAT('plan ', w.CustomerRatePlanId, ', pool ', w.CustomerRatePoolId, ', MB ', w.CustomerDataAllocationMB),
    CASE WHEN w.EffectiveDate > :now THEN CONCAT('queued for ', CAST(CAST(w.EffectiveDate AS date) AS varchar(10))) ELSE 'assigned' END,
    'PROCESSED', 0, :actor, :now, :actor, :now, 1, 0
FROM device_association.settled_device AS w
WHERE
    w.BulkChangeId = :bulk_change_id
    AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND w.AddCustomerRatePlan = 1
