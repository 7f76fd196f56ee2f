-- Gives back the devices of a batch of a change that waits for approval: it holds none.
-- Safe to run twice: there is nothing left to give back.
DELETE FROM device_association.device_lock
WHERE BulkChangeId = :bulk_change_id AND M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
