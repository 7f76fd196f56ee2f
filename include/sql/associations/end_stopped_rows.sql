-- Ends the rows of a batch that ask for no line when their change was stopped: they would begin with their association. A row
-- of a revert that has begun at Rev.io is brought to its end.
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
        AND NOT EXISTS (
            SELECT 1
            FROM device_association.line_intent AS i
            LEFT JOIN device_association.rev_product_step AS p ON i.id = p.IntentId AND p.State IN ('CALLING', 'ENDED')
            WHERE
                i.M2MDeviceChangeId = m.id
                AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN', 'ENDED', 'KEPT')
                AND (i.State IN ('CALLING', 'UNKNOWN') OR i.Calls > 0 OR p.IntentId IS NOT NULL)
        )
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
