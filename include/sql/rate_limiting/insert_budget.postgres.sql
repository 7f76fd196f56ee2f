-- Makes what is known of an account's limits, with one slot for each call of its minute.
-- Safe to run twice: what is there stays; a limit that was raised since gets the slots that it lacks.
WITH made AS (
    INSERT INTO device_association.call_budget (
        ConnectionId, CallsPerMinute, TimeZone, NextPaced, PausedUntil, Day, OpenUntil
    )
    VALUES (:connection_id, :calls_per_minute, :time_zone, :now, :now, CAST(:now AS date), :now)
    ON CONFLICT (ConnectionId) DO UPDATE
        SET CallsPerMinute = EXCLUDED.CallsPerMinute, TimeZone = EXCLUDED.TimeZone
    RETURNING ConnectionId
)

INSERT INTO device_association.call_slot (ConnectionId, SlotNumber, FreeFrom, UsedFrom, BulkChangeId)
SELECT made.ConnectionId, n, :now, :now, 0
FROM made
CROSS JOIN GENERATE_SERIES(1, CAST(:calls_per_minute AS int)) AS n
ON CONFLICT DO NOTHING
