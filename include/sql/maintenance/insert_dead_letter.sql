-- Keeps a message that is in the dead-letter queue.
-- Safe to run twice: one row a message.
INSERT INTO device_association.dead_letter (
    MessageId, Body, Attributes, BulkChangeId, RetryNumber, Cause, Detail, State, SentDate, FoundDate, SeenDate
)
SELECT
    :message_id, :body, :attributes, :bulk_change_id, :retry_number, :cause, :detail, 'FOUND', :sent, :now, :now
WHERE NOT EXISTS (SELECT 1 FROM device_association.dead_letter AS d WHERE d.MessageId = :message_id)
