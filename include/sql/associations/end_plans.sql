-- Marks the plans done that a revert has just decided.
-- Safe to run twice: only plans not yet done are touched.
UPDATE dbo.Device_CustomerRatePlanOrRatePool_Queue SET ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM device_association.plan_outcome AS o
WHERE
    o.BatchId = :batch_id
    AND o.QueueId = dbo.Device_CustomerRatePlanOrRatePool_Queue.id
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.ProcessedDate IS NULL
