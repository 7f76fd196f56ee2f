-- How many scheduled plans are due and not done.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS due
FROM dbo.Device_CustomerRatePlanOrRatePool_Queue AS q
WHERE q.ProcessedDate IS NULL AND q.EffectiveDate <= :due_by AND q.PortalType = 0 AND q.IsDeleted = 0
