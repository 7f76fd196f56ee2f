-- Stops a change's retry: no further device is begun.
-- Safe to run twice: the first stop stays; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.change_stop (BulkChangeId, RetryNumber, Code, Actor, Reason, CreatedDate)
SELECT :bulk_change_id, :retry_number, :code, :actor, :reason, :now
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.change_stop AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number
    )
