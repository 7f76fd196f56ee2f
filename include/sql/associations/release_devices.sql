-- Gives back the devices that this transaction held for their scheduled plans.
-- Safe to run twice: there is nothing left to give back.
DELETE FROM device_association.device_lock WHERE BulkChangeId = :holder
