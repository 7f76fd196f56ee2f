-- Ends a batch of associated devices: the set-based sibling of usp_DeviceBulkChange_RevService_UpdateM2MChange.
-- Safe to run twice: only rows not yet final are touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'PROCESSED', ErrorCode = NULL, StatusDetails = v.details, IsProcessed = 1, HasErrors = 0,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT
        w.M2MDeviceChangeId AS row_id,
        CASE
            WHEN w.AddCustomerRatePlan = 1 AND w.EffectiveDate > :now
                THEN CONCAT(
                    'associated with ', w.AccountName, '; the customer rate plan follows on ',
                    CAST(CAST(w.EffectiveDate AS date) AS varchar(10))
                )
            WHEN NOT EXISTS (
                SELECT 1 FROM dbo.DeviceActionHistory AS x
                WHERE x.BulkChangeId = :bulk_change_id AND x.M2MDeviceId = w.DeviceId
            ) THEN 'already as requested'
            ELSE CONCAT('associated with ', w.AccountName)
        END AS details
    FROM device_association.settled_device AS w
    WHERE w.BulkChangeId = :bulk_change_id AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0
