-- Records what becomes of a message, before it is deleted from the dead-letter queue.
-- Safe to run twice: the first decision stays.
UPDATE device_association.dead_letter SET State = :state, DecidedDate = :now, DecidedBy = :actor
WHERE MessageId = :message_id AND State = 'FOUND'
