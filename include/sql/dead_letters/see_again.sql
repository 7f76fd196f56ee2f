-- Notes that a message is still in the dead-letter queue, and why, as things stand now.
-- Safe to run twice: the same is noted; what is decided stays.
UPDATE device_association.dead_letter
SET Cause = :cause, Detail = :detail, SeenDate = :now, State = 'FOUND', DecidedDate = NULL, DecidedBy = NULL
WHERE MessageId = :message_id AND State IN ('FOUND', 'GONE')
