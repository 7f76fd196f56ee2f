-- Takes the due plans of the held devices of a batch: each is done from here on and has an outcome, which may yet change.
-- Safe to run twice: only plans not yet done are taken, and one that ever had an outcome gets no other.
-- noqa: disable=RF01
DECLARE @claimed TABLE (
    QueueId bigint NOT NULL PRIMARY KEY,
    DeviceId int NOT NULL,
    TenantId int NOT NULL,
    BulkChangeId bigint NULL
);

UPDATE dbo.Device_CustomerRatePlanOrRatePool_Queue
SET ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
OUTPUT INSERTED.id, INSERTED.DeviceId, INSERTED.TenantId, INSERTED.BulkChangeId
INTO @claimed (QueueId, DeviceId, TenantId, BulkChangeId)
FROM device_association.device_lock AS h
WHERE
    dbo.Device_CustomerRatePlanOrRatePool_Queue.TenantId = h.TenantId
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.DeviceId = h.DeviceId
    AND h.BulkChangeId = :holder
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.DeviceId BETWEEN :first_device_id AND :last_device_id
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.ProcessedDate IS NULL
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.EffectiveDate <= :due_by
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.PortalType = 0
    AND dbo.Device_CustomerRatePlanOrRatePool_Queue.IsDeleted = 0;

INSERT INTO device_association.plan_outcome (
    QueueId, DeviceId, TenantId, BulkChangeId, M2MDeviceChangeId, BatchId, Outcome, DecidedDate
)
SELECT
    c.QueueId, c.DeviceId, c.TenantId, c.BulkChangeId,
    (
        SELECT MIN(m.id) FROM dbo.M2M_DeviceChange AS m
        WHERE m.BulkChangeId = c.BulkChangeId AND m.DeviceId = c.DeviceId AND m.Status = 'PROCESSED'
    ),
    :batch_id, 'APPLIED', :now
FROM @claimed AS c
WHERE NOT EXISTS (SELECT 1 FROM device_association.plan_outcome AS o WHERE o.QueueId = c.QueueId);
SELECT @@ROWCOUNT AS changed;
