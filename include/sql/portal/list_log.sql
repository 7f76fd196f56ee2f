-- A page of a change's log, from behind an entry.
-- Safe to run twice: reads only.
SELECT
    l.id AS log_id,
    l.M2MDeviceChangeId AS row_id,
    l.LogEntryDescription AS step,
    l.RequestText AS request,
    l.ResponseText AS response,
    l.ErrorText AS error,
    l.ResponseStatus AS status,
    l.ProcessedBy AS processed_by,
    l.ProcessedDate AS processed_date
FROM dbo.DeviceBulkChangeLog AS l
WHERE l.BulkChangeId = :bulk_change_id AND l.id > :after AND l.IsDeleted = 0
ORDER BY l.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS
