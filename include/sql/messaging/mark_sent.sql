-- Records that what was owed is sent.
-- Safe to run twice: the first time stays.
UPDATE device_association.outbox SET SentDate = :now, Attempts = Attempts + 1, LastError = NULL
WHERE id = :outbox_id AND SentDate IS NULL
