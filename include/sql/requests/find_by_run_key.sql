-- The bulk change that a run of the trigger form created.
-- Safe to run twice: reads only.
SELECT s.BulkChangeId AS bulk_change_id
FROM device_association.change_state AS s
WHERE s.RunKey = :run_key
