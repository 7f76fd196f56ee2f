-- The rows of a revert whose device may be given back now, in the order in which batches are cut.
-- Safe to run twice: reads only.
SELECT w.M2MDeviceChangeId AS row_id
FROM device_association.reverting_device AS w
WHERE w.BulkChangeId = :bulk_change_id
ORDER BY w.M2MDeviceChangeId
