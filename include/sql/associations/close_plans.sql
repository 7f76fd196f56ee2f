-- Decides that the waiting plans of the first change for a batch of devices are not wanted any more.
-- Safe to run twice: a plan that has an outcome keeps it. The devices are held, so nobody applies one meanwhile.
INSERT INTO device_association.plan_outcome (
    QueueId, DeviceId, TenantId, BulkChangeId, M2MDeviceChangeId, BatchId, Outcome, Detail, DecidedDate
)
SELECT
    q.id, q.DeviceId, q.TenantId, q.BulkChangeId, r.RevertedRowId, :batch_id, 'REVERTED',
    CONCAT('REVERTED: bulk change ', w.BulkChangeId, ' took the device back before the plan''s date'), :now
FROM device_association.reverting_device AS w
INNER JOIN device_association.reverted_device AS r ON w.M2MDeviceChangeId = r.M2MDeviceChangeId
INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
    ON w.DeviceId = q.DeviceId AND w.TenantId = q.TenantId AND w.RevertedChangeId = q.BulkChangeId
WHERE
    w.BulkChangeId = :bulk_change_id
    AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND q.ProcessedDate IS NULL
    AND q.IsDeleted = 0
    AND NOT EXISTS (SELECT 1 FROM device_association.plan_outcome AS o WHERE o.QueueId = q.id)
