-- Deletes the line that was named for a device, before another one is named; the log keeps both.
-- Safe to run twice: nothing is left to delete.
DELETE FROM device_association.named_line WHERE M2MDeviceChangeId = :row_id
