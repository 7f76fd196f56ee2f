-- Marks the given open rows of a change as errors, each with its code and its reason; what Rev.io shows makes it
-- API_FAILED.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = CASE WHEN r.code LIKE 'REV%' THEN 'API_FAILED' ELSE 'ERROR' END, ErrorCode = r.code, StatusDetails = r.details,
    IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM
    OPENJSON (:refused)
    WITH (row_id bigint '$.row_id', code nvarchar(50) '$.code', details nvarchar(MAX) '$.details') AS r
WHERE
    dbo.M2M_DeviceChange.id = r.row_id
    AND dbo.M2M_DeviceChange.BulkChangeId = :bulk_change_id
    AND dbo.M2M_DeviceChange.IsProcessed = 0;
