-- Ends a batch of rows of a revert whose devices were given back.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'PROCESSED', ErrorCode = NULL, StatusDetails = v.details, IsProcessed = 1, HasErrors = 0,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT
        w.M2MDeviceChangeId AS row_id,
        CONCAT(
            CASE
                WHEN EXISTS (
                    SELECT 1 FROM dbo.DeviceActionHistory AS x
                    WHERE x.BulkChangeId = :bulk_change_id AND x.M2MDeviceId = w.DeviceId
                ) THEN CONCAT('given back to ', COALESCE(k.CustomerName, t.AccountNumber, 'no customer'))
                ELSE 'the device is as it was before'
            END,
            CASE WHEN i.Detail IS NOT NULL THEN CONCAT('; ', i.Detail) ELSE '' END
        ) AS details
    FROM device_association.reverting_device AS w
    LEFT JOIN dbo.Device_Tenant AS t ON w.DeviceId = t.DeviceId AND w.TenantId = t.TenantId
    LEFT JOIN dbo.RevCustomer AS k
        ON
            t.AccountNumber = k.RevCustomerId
            AND COALESCE(t.AccountNumberIntegrationAuthenticationId, 0) = COALESCE(k.IntegrationAuthenticationId, 0)
    LEFT JOIN device_association.line_intent AS i ON w.M2MDeviceChangeId = i.M2MDeviceChangeId AND i.ReadyDate IS NOT NULL
    WHERE w.BulkChangeId = :bulk_change_id AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
