-- Keeps the answer to a request with a key.
-- Safe to run twice: it sets the same.
UPDATE device_association.request_key
SET BulkChangeId = :bulk_change_id, Accepted = :accepted, Rejected = :rejected
WHERE UserId = :user_id AND KeyHash = :key_hash
