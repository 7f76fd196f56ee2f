-- Notes that a message is still in the dead-letter queue, and why, as things stand now.
-- Safe to run twice: the same is noted; what is decided stays.
UPDATE device_association.dead_letter
SET
    SeenDate = :now,
    Cause = CASE WHEN State IN ('FOUND', 'GONE') THEN :cause ELSE Cause END,
    Detail = CASE WHEN State IN ('FOUND', 'GONE') THEN :detail ELSE Detail END,
    DecidedDate = CASE WHEN State IN ('FOUND', 'GONE') THEN NULL ELSE DecidedDate END,
    DecidedBy = CASE WHEN State IN ('FOUND', 'GONE') THEN NULL ELSE DecidedBy END,
    State = CASE WHEN State = 'GONE' THEN 'FOUND' ELSE State END
WHERE MessageId = :message_id
