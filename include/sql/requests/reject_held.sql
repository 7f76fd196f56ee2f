-- Marks the open rows whose device another operation holds: one of ours by its hold, another program's by its open row.
-- A row that could not take its hold is one of them, also when the other's hold was given back a moment later.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR',
    ErrorCode = 'DEVICE_IN_OTHER_CHANGE',
    StatusDetails = CASE
        WHEN v.holder IS NULL
            THEN 'DEVICE_IN_OTHER_CHANGE: another bulk change was just at work on this device; send it again'
        ELSE CONCAT(
            'DEVICE_IN_OTHER_CHANGE: bulk change ', v.holder,
            ' is at work on this device; send it again when that has ended'
        )
    END,
    IsProcessed = 1,
    HasErrors = 1,
    ProcessedBy = :actor,
    ProcessedDate = :now,
    ModifiedBy = :actor,
    ModifiedDate = :now
FROM (
    SELECT holders.row_id, MIN(holders.holder) AS holder
    FROM (
        SELECT m.id AS row_id, h.BulkChangeId AS holder
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        LEFT JOIN device_association.device_lock AS h ON c.TenantId = h.TenantId AND m.DeviceId = h.DeviceId
        WHERE
            m.BulkChangeId = :bulk_change_id
            AND m.id BETWEEN :first_row_id AND :last_row_id
            AND m.IsProcessed = 0
            AND m.DeviceId IS NOT NULL
            AND (h.M2MDeviceChangeId IS NULL OR h.M2MDeviceChangeId <> m.id)
        UNION ALL
        SELECT m.id AS row_id, other.BulkChangeId AS holder
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        INNER JOIN dbo.M2M_DeviceChange AS other ON m.DeviceId = other.DeviceId
        WHERE
            m.BulkChangeId = :bulk_change_id
            AND m.id BETWEEN :first_row_id AND :last_row_id
            AND m.IsProcessed = 0
            AND other.IsProcessed = 0
            AND other.IsDeleted = 0
            AND other.BulkChangeId IN (
                SELECT theirs.id FROM dbo.DeviceBulkChange AS theirs
                WHERE
                    theirs.Status IN ('NEW', 'PROCESSING')
                    AND theirs.id <> :bulk_change_id
                    AND theirs.TenantId = c.TenantId
                    AND theirs.IsDeleted = 0
                    AND NOT EXISTS (
                        SELECT 1 FROM device_association.change_state AS s WHERE s.BulkChangeId = theirs.id
                    )
            )
    ) AS holders
    GROUP BY holders.row_id
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
