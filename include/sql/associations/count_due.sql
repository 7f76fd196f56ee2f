-- How many scheduled plans are due and not done, and since when the oldest.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS total, MIN(q.EffectiveDate) AS oldest
FROM dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
WHERE q.ProcessedDate IS NULL AND q.EffectiveDate <= :due_by AND q.PortalType = 0 AND q.IsDeleted = 0
