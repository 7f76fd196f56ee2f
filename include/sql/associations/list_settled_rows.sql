-- The rows of a change that may be associated now, in the order in which batches are cut, and which plans each is to get.
-- Safe to run twice: reads only.
SELECT
    w.M2MDeviceChangeId AS row_id,
    w.AddCustomerRatePlan AS customer_rate_plan,
    w.AddCarrierRatePlan AS carrier_rate_plan
FROM device_association.settled_device AS w
WHERE w.BulkChangeId = :bulk_change_id
ORDER BY w.M2MDeviceChangeId
