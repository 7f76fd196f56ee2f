-- Stops a change's retry: no further device is begun.
-- Safe to run twice: the first stop stays.
INSERT INTO device_association.change_stop (BulkChangeId, RetryNumber, Code, Actor, Reason, CreatedDate)
VALUES (:bulk_change_id, :retry_number, :code, :actor, :reason, :now)
ON CONFLICT (BulkChangeId, RetryNumber) DO NOTHING
