-- What became of the plans of a batch, those next to each other whose cross-provider history changes alike.
-- Safe to run twice: reads only.
SELECT
    o.Outcome AS outcome,
    q.DeviceId AS device_id,
    q.TenantId AS tenant_id,
    d.ServiceProviderId AS service_provider_id,
    q.EffectiveDate AS effective_date
FROM device_association.plan_outcome AS o
INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
INNER JOIN dbo.Device AS d ON q.DeviceId = d.id
WHERE o.BatchId = :batch_id
ORDER BY q.TenantId, d.ServiceProviderId, q.EffectiveDate, q.DeviceId
