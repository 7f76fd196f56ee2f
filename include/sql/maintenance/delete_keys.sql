-- Forgets every user's keys that are older than they are kept, so many at most.
-- Safe to run twice: there is nothing left to forget.
DELETE FROM device_association.request_key
WHERE
    EXISTS (
        SELECT 1
        FROM (
            SELECT x.UserId, x.KeyHash
            FROM device_association.request_key AS x
            WHERE x.CreatedDate < :keys_before
            ORDER BY x.UserId, x.KeyHash OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
        ) AS old
        WHERE old.UserId = device_association.request_key.UserId AND old.KeyHash = device_association.request_key.KeyHash
    )
