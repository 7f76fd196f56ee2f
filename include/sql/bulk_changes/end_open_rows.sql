-- Gives every row that is still open when its change is closed the state and code that fit: outcome unknown, a line that
-- lacks products, a line that is there for a device that was not associated, stopped, or a step that died.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = v.status, ErrorCode = v.code, StatusDetails = v.details, IsProcessed = 1,
    HasErrors = CASE WHEN v.status = 'CANCELED' THEN 0 ELSE 1 END,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT
        o.row_id,
        CASE
            WHEN o.rev_state IN ('IN DOUBT', 'INCOMPLETE') THEN 'API_FAILED'
            WHEN o.lacks_site = 1 THEN 'ERROR'
            WHEN o.stop_code IS NOT NULL THEN 'CANCELED'
            ELSE 'ERROR'
        END AS status,
        CASE
            WHEN o.rev_state = 'INCOMPLETE' THEN 'REV_PRODUCT_FAILED'
            WHEN o.rev_state = 'IN DOUBT' THEN 'REV_OUTCOME_UNKNOWN'
            WHEN o.lacks_site = 1 THEN 'CUSTOMER_HAS_NO_SITE'
            WHEN o.stop_code IS NOT NULL THEN o.stop_code
            WHEN :is_late = 1 THEN 'DEADLINE_EXCEEDED'
            ELSE 'STEP_FAILED'
        END AS code,
        CASE
            WHEN o.rev_state = 'INCOMPLETE'
                THEN CONCAT(
                    'REV_PRODUCT_FAILED: line ', o.line, ' is there and is billed, but not all its products are known to be; ',
                    'retry the change, which makes the missing ones only'
                )
            WHEN o.rev_state = 'IN DOUBT'
                THEN CONCAT(
                    'REV_OUTCOME_UNKNOWN: Rev.io was asked ',
                    CASE WHEN o.ends IS NULL THEN 'for a line' ELSE CONCAT('to end line ', o.ends) END, ' and its answer is not known (', o.detail,
                    '); it is looked up again, nobody asks for this SIM before'
                )
            ELSE CONCAT(
                CASE
                    WHEN o.lacks_site = 1
                        THEN CONCAT(
                            'CUSTOMER_HAS_NO_SITE: customer ', o.customer_number, ' (', o.customer_name,
                            ') has no active site any more; create the site in the portal, then retry the change'
                        )
                    WHEN o.stop_code IS NOT NULL THEN CONCAT(o.stop_code, ': ', o.stop_reason)
                    WHEN :is_late = 1 AND o.rev_state = 'DONE'
                        THEN 'DEADLINE_EXCEEDED: the change had no time left to associate this device; retry the change'
                    WHEN :is_late = 1
                        THEN 'DEADLINE_EXCEEDED: the change had no time left for this device; retry the change'
                    ELSE CONCAT('STEP_FAILED: ', :failed_step, ' did not end well; read its log, then retry the change')
                END,
                CASE
                    WHEN o.rev_state <> 'DONE' AND o.begun_end IS NOT NULL
                        THEN CONCAT(
                            '. Line ', o.begun_end, ' is there still; of its products some or all were disconnected. ',
                            'A retry disconnects what is left'
                        )
                    WHEN o.rev_state <> 'DONE' THEN ''
                    WHEN o.line IS NOT NULL
                        THEN CONCAT('. Line ', o.line, ' is there and is billed, and the device was not associated; a retry keeps the line')
                    WHEN o.intent_state = 'ENDED'
                        THEN CONCAT('. Line ', o.ends, ' was disconnected, and the device was not given back')
                    ELSE CONCAT('. Line ', o.ends, ' stays, and the device was not given back')
                END
            )
        END AS details
    FROM (
        SELECT
            m.id AS row_id,
            i.State AS intent_state,
            i.RevServiceId AS line,
            i.EndsRevServiceId AS ends,
            i.Detail AS detail,
            CASE
                WHEN i.id IS NULL THEN 'NONE'
                WHEN i.State IN ('CALLING', 'UNKNOWN') THEN 'IN DOUBT'
                WHEN i.ReadyDate IS NULL AND i.State IN ('CREATED', 'ADOPTED') THEN 'INCOMPLETE'
                ELSE 'DONE'
            END AS rev_state,
            (
                SELECT MAX(n.EndsRevServiceId)
                FROM device_association.line_intent AS n
                INNER JOIN device_association.rev_product_step AS p ON n.id = p.IntentId
                WHERE n.M2MDeviceChangeId = m.id AND n.State = 'PLANNED' AND p.State IN ('CALLING', 'ENDED')
            ) AS begun_end,
            s.Code AS stop_code,
            s.Reason AS stop_reason,
            k.RevCustomerId AS customer_number,
            k.CustomerName AS customer_name,
            CASE
                WHEN
                    m.Status = 'PROCESSING'
                    AND (i.id IS NOT NULL OR s.Code IS NULL)
                    AND k.id IS NOT NULL
                    AND NOT EXISTS (
                        SELECT 1 FROM device_association.reversal AS r
                        WHERE r.BulkChangeId = m.BulkChangeId
                    )
                    AND NOT EXISTS (
                        SELECT 1 FROM dbo.Site AS x
                        WHERE x.RevCustomerId = k.id AND x.TenantId = c.TenantId AND x.IsActive = 1 AND x.IsDeleted = 0
                    )
                    THEN 1
                ELSE 0
            END AS lacks_site
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        LEFT JOIN device_association.line_intent AS i
            ON
                i.id = (
                    SELECT MAX(n.id) FROM device_association.line_intent AS n
                    WHERE n.M2MDeviceChangeId = m.id AND n.State IN ('CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED', 'ENDED', 'KEPT')
                )
        LEFT JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
        LEFT JOIN device_association.request_terms AS t ON d.TermsId = t.id
        LEFT JOIN dbo.RevCustomer AS k ON t.RevCustomerId = k.id
        LEFT JOIN device_association.change_stop AS s ON m.BulkChangeId = s.BulkChangeId AND s.RetryNumber = :retry_number
        WHERE m.BulkChangeId = :bulk_change_id AND m.IsProcessed = 0 AND m.id BETWEEN :first_row_id AND :last_row_id
    ) AS o
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
