-- How many changes should have been begun by now and are in nobody's hands.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS total, MIN(COALESCE(o.CreatedDate, c.CreatedDate)) AS oldest
FROM dbo.DeviceBulkChange AS c
LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
LEFT JOIN device_association.outbox AS o
    ON c.id = o.BulkChangeId AND o.Kind = 'MESSAGE' AND o.RetryNumber = COALESCE(s.RetryNumber, 0)
WHERE
    c.ChangeRequestTypeId = 4
    AND c.IsDeleted = 0
    AND c.Status = 'NEW'
    AND s.ClaimRunId IS NULL
    AND COALESCE(o.CreatedDate, c.CreatedDate) < :asked_before
