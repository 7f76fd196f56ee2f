-- Writes one log row for each carrier rate plan that a batch of devices got.
-- Safe to run twice: it runs in the transaction that makes the rows final, before they are.
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    w.BulkChangeId, w.M2MDeviceChangeId, 'assign_carrier_rate_plan',
    CONCAT('plan ', w.CarrierRatePlan, ', communication plan ', w.CommPlan), 'assigned',
    'PROCESSED', 0, :actor, :now, :actor, :now, 1, 0
FROM device_association.settled_device AS w
WHERE
    w.BulkChangeId = :bulk_change_id
    AND w.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
    AND w.AddCarrierRatePlan = 1
