-- Writes one log row for each device that the named step ended in the same transaction (same ProcessedDate).
-- Safe to run twice: a device that has its log row of this step and time gets no other.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ErrorText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    m.BulkChangeId, m.id, :step, m.ICCID,
    CASE WHEN m.Status = 'PROCESSED' THEN m.StatusDetails END,
    CASE WHEN m.Status <> 'PROCESSED' THEN m.StatusDetails END,
    CASE WHEN m.Status = 'PROCESSED' THEN 'PROCESSED' ELSE 'ERROR' END,
    CASE WHEN m.Status = 'PROCESSED' THEN 0 ELSE 1 END,
    :actor, :now, :actor, :now, 1, 0
FROM dbo.M2M_DeviceChange AS m
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.id BETWEEN :first_row_id AND :last_row_id
    AND m.IsProcessed = 1
    AND m.ProcessedDate = :now
    AND NOT EXISTS (
        SELECT 1 FROM dbo.DeviceBulkChangeLog AS l
        WHERE l.M2MDeviceChangeId = m.id AND l.LogEntryDescription = :step AND l.ProcessedDate = :now
    )
