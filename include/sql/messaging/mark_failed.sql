-- Records why what is owed could not be sent; it stays owed.
-- Safe to run twice: only what is not sent is touched.
UPDATE device_association.outbox SET Attempts = Attempts + 1, LastError = :error
WHERE id = :outbox_id AND SentDate IS NULL
