-- The devices with scheduled plans that are due, in device order, and how many plans each has.
-- Safe to run twice: reads only.
SELECT q.DeviceId AS device_id, COUNT(*) AS plans
FROM dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
WHERE q.ProcessedDate IS NULL AND q.EffectiveDate <= :due_by AND q.PortalType = 0 AND q.IsDeleted = 0
GROUP BY q.DeviceId
ORDER BY q.DeviceId
