-- Marks all open rows of a change with these terms as errors: what refuses a whole request refuses each of its devices.
-- A row whose line was begun is brought to its end.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR', ErrorCode = :code, StatusDetails = :details, IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM device_association.requested_device AS d
WHERE
    dbo.M2M_DeviceChange.BulkChangeId = :bulk_change_id
    AND dbo.M2M_DeviceChange.id BETWEEN :first_row_id AND :last_row_id
    AND dbo.M2M_DeviceChange.IsProcessed = 0
    AND d.M2MDeviceChangeId = dbo.M2M_DeviceChange.id
    AND d.TermsId = :terms_id
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE
            i.M2MDeviceChangeId = dbo.M2M_DeviceChange.id
            AND i.State IN ('CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED')
    )
