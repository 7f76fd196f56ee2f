-- Takes a key for a user's request, in the transaction that stores the request.
-- A second run fails on the primary key: of two requests at once the second waits for the first and finds its answer.
INSERT INTO device_association.request_key (UserId, KeyHash, BodyHash, CreatedDate)
VALUES (:user_id, :key_hash, :body_hash, :now)
