-- Makes what is known of an account's limits, with one slot for each call of its minute.
-- Safe to run twice: what is there stays; a limit that was raised since gets the slots that it lacks.
UPDATE device_association.call_budget SET CallsPerMinute = :calls_per_minute, TimeZone = :time_zone
WHERE ConnectionId = :connection_id;
INSERT INTO device_association.call_budget (ConnectionId, CallsPerMinute, TimeZone, NextPaced, PausedUntil, Day, OpenUntil)
SELECT :connection_id, :calls_per_minute, :time_zone, :now, :now, CAST(:now AS date), :now
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.call_budget AS b WITH (UPDLOCK, HOLDLOCK)
        WHERE b.ConnectionId = :connection_id
    );
WITH numbers AS (
    SELECT 1 AS n
    UNION ALL
    SELECT numbers.n + 1 FROM numbers WHERE numbers.n < :calls_per_minute
)

INSERT INTO device_association.call_slot (ConnectionId, SlotNumber, FreeFrom, UsedFrom, BulkChangeId)
SELECT :connection_id, numbers.n, :now, :now, 0
FROM numbers
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.call_slot AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.ConnectionId = :connection_id AND s.SlotNumber = numbers.n
    )
OPTION (MAXRECURSION 0);
