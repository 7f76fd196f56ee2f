-- Records which messages have left the dead-letter queue without us: expired, or taken by somebody else.
-- Safe to run twice: only what is not decided is touched.
UPDATE device_association.dead_letter SET State = 'GONE', DecidedDate = :now, DecidedBy = :actor
WHERE State = 'FOUND' AND SeenDate < :not_seen_since
