-- Writes one log row for a step of each given device.
-- A second run writes a second row: each try is told.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ErrorText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    :bulk_change_id, r.row_id, :step, r.request, r.response, r.error,
    CASE WHEN r.error IS NULL THEN 'PROCESSED' ELSE 'ERROR' END, CASE WHEN r.error IS NULL THEN 0 ELSE 1 END,
    :actor, :now, :actor, :now, 1, 0
FROM JSON_TO_RECORDSET(CAST(:devices AS json)) AS r (row_id bigint, request text, response text, error text)
