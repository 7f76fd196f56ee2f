-- Forgets a user's keys that are older than they are kept.
-- Safe to run twice: there is nothing left to forget.
DELETE FROM device_association.request_key
WHERE UserId = :user_id AND CreatedDate < :oldest
