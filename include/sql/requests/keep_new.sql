-- Keeps every program from beginning a change until this transaction has ended it.
-- Safe to run twice: nothing changes. No row: another program has begun it.
UPDATE dbo.DeviceBulkChange SET Status = 'NEW'
WHERE id = :bulk_change_id AND Status = 'NEW'
