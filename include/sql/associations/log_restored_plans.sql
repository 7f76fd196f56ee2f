-- Writes one log row for each waiting plan that a revert has just decided, with the change that it belonged to.
-- A second run would write a second row: it runs once, in the transaction that decides the plans.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ErrorText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    o.BulkChangeId, o.M2MDeviceChangeId, 'assign_customer_rate_plan',
    CONCAT('plan ', q.CustomerRatePlanId, ', pool ', q.CustomerRatePoolId, ', MB ', q.CustomerDataAllocationMB),
    o.Detail, 'ERROR', 1, :actor, :now, :actor, :now, 1, 0
FROM device_association.plan_outcome AS o
INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
WHERE o.BatchId = :batch_id
