-- Keeps a message or notification that is owed from the moment this transaction commits.
-- Safe to run twice: one row a kind, change and retry.
INSERT INTO device_association.outbox (Kind, BulkChangeId, RetryNumber, Payload, CreatedDate)
VALUES (:kind, :bulk_change_id, :retry_number, :payload, :now)
ON CONFLICT (Kind, BulkChangeId, RetryNumber) DO NOTHING
