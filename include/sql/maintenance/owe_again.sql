-- Owes a message once more that was sent, and whose change has not moved since.
-- Safe to run twice: only the sending that the caller saw is taken back.
UPDATE device_association.outbox SET SentDate = NULL
WHERE id = :message_id AND SentDate = :sent
