-- Takes the due plans of the held devices of a batch: each is done from here on and has an outcome, which may yet change.
-- Safe to run twice: only plans not yet done are taken, and one that ever had an outcome gets no other.
WITH claimed AS (
    UPDATE dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
    SET ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
    FROM device_association.device_lock AS h
    WHERE
        q.TenantId = h.TenantId
        AND q.DeviceId = h.DeviceId
        AND h.BulkChangeId = :holder
        AND q.DeviceId BETWEEN :first_device_id AND :last_device_id
        AND q.ProcessedDate IS NULL
        AND q.EffectiveDate <= :due_by
        AND q.PortalType = 0
        AND q.IsDeleted = 0
    RETURNING q.id, q.DeviceId, q.TenantId, q.BulkChangeId
)

INSERT INTO device_association.plan_outcome (
    QueueId, DeviceId, TenantId, BulkChangeId, M2MDeviceChangeId, BatchId, Outcome, DecidedDate
)
SELECT
    c.id, c.DeviceId, c.TenantId, c.BulkChangeId,
    (
        SELECT MIN(m.id) FROM dbo.M2M_DeviceChange AS m
        WHERE m.BulkChangeId = c.BulkChangeId AND m.DeviceId = c.DeviceId AND m.Status = 'PROCESSED'
    ),
    :batch_id, 'APPLIED', :now
FROM claimed AS c
WHERE NOT EXISTS (SELECT 1 FROM device_association.plan_outcome AS o WHERE o.QueueId = c.id)
