-- Marks every open row of a change as an error with one code and reason; a row whose line was begun is brought to its end.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR', ErrorCode = :code, StatusDetails = :details, IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
WHERE
    BulkChangeId = :bulk_change_id
    AND id BETWEEN :first_row_id AND :last_row_id
    AND IsProcessed = 0
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE
            i.M2MDeviceChangeId = dbo.M2M_DeviceChange.id
            AND i.State IN ('CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED')
    )
