-- What became of a message of the dead-letter queue.
-- Safe to run twice: reads only.
SELECT d.State AS state, d.DecidedDate AS decided, d.DecidedBy AS decided_by
FROM device_association.dead_letter AS d
WHERE d.MessageId = :message_id
