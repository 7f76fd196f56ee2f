-- How the budget of each account stands, and how many of its calls were made in the last minute.
-- Safe to run twice: reads only.
SELECT
    b.ConnectionId AS connection_id,
    b.CallsPerMinute AS calls_per_minute,
    b.TimeZone AS time_zone,
    b.PausedUntil AS paused_until,
    b.PauseReason AS pause_reason,
    b.CallsToday AS calls_today,
    b.FailuresInRow AS failures_in_row,
    (
        SELECT COUNT(*) FROM device_association.call_slot AS s
        WHERE
            s.ConnectionId = b.ConnectionId
            AND s.UsedFrom > :minute_ago
            AND s.UsedFrom <= :now
            AND s.FreeFrom > s.UsedFrom
    ) AS calls_last_minute
FROM device_association.call_budget AS b
ORDER BY b.ConnectionId
