-- Keeps in the log what each device that is about to be tried again said before.
-- A second run finds no such rows: they are open again.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ErrorText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    m.BulkChangeId, m.id, :step, m.ICCID, NULL, CONCAT(m.Status, ' before this retry: ', m.StatusDetails), 'ERROR', 1,
    :actor, :now, :actor, :now, 1, 0
FROM dbo.M2M_DeviceChange AS m
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.id BETWEEN :first_row_id AND :last_row_id
    AND m.IsDeleted = 0
    AND m.Status IN ('ERROR', 'API_FAILED', 'CANCELED')
    AND (
        :codes IS NULL
        OR m.ErrorCode IN (
            SELECT i.code FROM JSONB_ARRAY_ELEMENTS_TEXT(CAST(:codes AS jsonb)) AS i (code)
        )
    )
    AND (
        :row_ids IS NULL
        OR m.id IN (
            SELECT CAST(i.row_id AS bigint) FROM JSONB_ARRAY_ELEMENTS_TEXT(CAST(:row_ids AS jsonb)) AS i (row_id)
        )
    )
