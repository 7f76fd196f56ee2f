-- The answer that a user's earlier request with this key got, and the hash of its body.
-- Safe to run twice: reads only.
SELECT k.BodyHash AS body_hash, k.BulkChangeId AS bulk_change_id, k.Accepted AS accepted, k.Rejected AS rejected
FROM device_association.request_key AS k
WHERE k.UserId = :user_id AND k.KeyHash = :key_hash
