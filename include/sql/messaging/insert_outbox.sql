-- Keeps a message or notification that is owed from the moment this transaction commits.
-- Safe to run twice: one row a kind, change and retry; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.outbox (Kind, BulkChangeId, RetryNumber, Payload, CreatedDate)
SELECT :kind, :bulk_change_id, :retry_number, :payload, :now
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.outbox AS o
        WHERE o.Kind = :kind AND o.BulkChangeId = :bulk_change_id AND o.RetryNumber = :retry_number
    )
