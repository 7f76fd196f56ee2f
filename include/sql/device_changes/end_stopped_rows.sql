-- Ends the rows of a batch that ask for no line when their change was stopped: they would begin with their association.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'CANCELED', ErrorCode = v.code, StatusDetails = v.details, IsProcessed = 1, HasErrors = 0,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT m.id AS row_id, s.Code AS code, CONCAT(s.Code, ': ', s.Reason) AS details
    FROM dbo.M2M_DeviceChange AS m
    INNER JOIN device_association.change_stop AS s ON m.BulkChangeId = s.BulkChangeId AND s.RetryNumber = :retry_number
    INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
    INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
    WHERE
        m.BulkChangeId = :bulk_change_id
        AND m.id BETWEEN :first_row_id AND :last_row_id
        AND m.IsProcessed = 0
        AND t.CreateRevService = 0
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
