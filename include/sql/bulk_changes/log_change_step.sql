-- Writes one log row for a step of the change as a whole.
-- A second run writes a second row: each run of a step is told.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ErrorText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
VALUES (
    :bulk_change_id, NULL, :step, :request, :response, :error,
    CASE WHEN :error IS NULL THEN 'PROCESSED' ELSE 'ERROR' END, CASE WHEN :error IS NULL THEN 0 ELSE 1 END,
    :actor, :now, :actor, :now, 1, 0
)
