-- Writes one log row for each plan of a batch that belongs to a bulk change, with what became of it.
-- A second run would write a second row: it runs once, in the transaction that decides the batch.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ErrorText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    o.BulkChangeId, o.M2MDeviceChangeId, 'assign_customer_rate_plan',
    CONCAT('plan ', q.CustomerRatePlanId, ', pool ', q.CustomerRatePoolId, ', MB ', q.CustomerDataAllocationMB),
    CASE WHEN o.Outcome = 'APPLIED' THEN 'assigned' END,
    o.Detail,
    CASE WHEN o.Outcome = 'APPLIED' THEN 'PROCESSED' ELSE 'ERROR' END,
    CASE WHEN o.Outcome = 'APPLIED' THEN 0 ELSE 1 END,
    :actor, :now, :actor, :now, 1, 0
FROM device_association.plan_outcome AS o
INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
WHERE o.BatchId = :batch_id AND o.BulkChangeId IS NOT NULL
