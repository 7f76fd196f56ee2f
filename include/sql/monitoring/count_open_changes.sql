-- How many changes of our kind are open in which state, and since when the oldest.
-- Safe to run twice: reads only.
SELECT c.Status AS state, COUNT(*) AS total, MIN(c.CreatedDate) AS oldest
FROM dbo.DeviceBulkChange AS c
WHERE
    c.ChangeRequestTypeId = 4
    AND c.IsDeleted = 0
    AND c.Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')
GROUP BY c.Status
