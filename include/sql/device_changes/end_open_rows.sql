-- Gives every row that is still open when its change is closed the state and code that fit: outcome unknown, a line that
-- lacks products, stopped, or a step that died.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = v.status, ErrorCode = v.code, StatusDetails = v.details, IsProcessed = 1,
    HasErrors = CASE WHEN v.status = 'CANCELED' THEN 0 ELSE 1 END,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT
        m.id AS row_id,
        CASE WHEN i.id IS NOT NULL THEN 'API_FAILED' WHEN s.Code IS NOT NULL THEN 'CANCELED' ELSE 'ERROR' END AS status,
        CASE
            WHEN i.RevServiceId IS NOT NULL THEN 'REV_PRODUCT_FAILED'
            WHEN i.id IS NOT NULL THEN 'REV_OUTCOME_UNKNOWN'
            WHEN s.Code IS NOT NULL THEN s.Code
            WHEN :is_late = 1 THEN 'DEADLINE_EXCEEDED'
            ELSE 'STEP_FAILED'
        END AS code,
        CASE
            WHEN i.RevServiceId IS NOT NULL
                THEN CONCAT(
                    'REV_PRODUCT_FAILED: line ', i.RevServiceId, ' is there, but not all its products are known to be; ',
                    'retry the change, which makes the missing ones only'
                )
            WHEN i.id IS NOT NULL
                THEN CONCAT(
                    'REV_OUTCOME_UNKNOWN: Rev.io was asked ',
                    CASE WHEN i.EndsRevServiceId IS NULL THEN 'for a line' ELSE CONCAT('to end line ', i.EndsRevServiceId) END, ' and its answer is not known (', i.Detail,
                    '); it is looked up again, nobody asks for this SIM before'
                )
            WHEN s.Code IS NOT NULL THEN CONCAT(s.Code, ': ', s.Reason)
            WHEN :is_late = 1
                THEN 'DEADLINE_EXCEEDED: the change had no time left for this device, Rev.io was not asked for it; retry the change'
            ELSE CONCAT('STEP_FAILED: ', :failed_step, ' did not end well; read its log, then retry the change')
        END AS details
    FROM dbo.M2M_DeviceChange AS m
    LEFT JOIN device_association.rev_intent AS i
        ON
            m.id = i.M2MDeviceChangeId
            AND (i.State IN ('CALLING', 'UNKNOWN') OR (i.State IN ('CREATED', 'ADOPTED') AND i.ReadyDate IS NULL))
    LEFT JOIN device_association.change_stop AS s ON m.BulkChangeId = s.BulkChangeId AND s.RetryNumber = :retry_number
    WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.id BETWEEN :first_row_id AND :last_row_id
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
