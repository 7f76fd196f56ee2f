-- What a message's bulk change is and how it stands; retry_number is null while we have never seen it.
-- Safe to run twice: reads only.
SELECT c.ChangeRequestTypeId AS change_request_type_id, c.Status AS status, s.RetryNumber AS retry_number
FROM dbo.DeviceBulkChange AS c
LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
WHERE c.id = :bulk_change_id AND c.IsDeleted = 0
