-- How an account's budget stands, how many calls a change has yet to make of those it was given, and when the last of these
-- is or was made, as far as its slot was not used again.
-- Safe to run twice: reads only.
SELECT
    b.NextPaced AS next_paced,
    b.PausedUntil AS paused_until,
    b.PauseReason AS pause_reason,
    b.CallsToday AS calls_today,
    b.FailuresInRow AS failures_in_row,
    b.OpenUntil AS open_until,
    (
        SELECT COUNT(*) FROM device_association.call_slot AS s
        WHERE s.ConnectionId = b.ConnectionId AND s.BulkChangeId = :bulk_change_id AND s.UsedFrom > :now
    ) AS ahead,
    (
        SELECT MAX(s.UsedFrom) FROM device_association.call_slot AS s
        WHERE s.ConnectionId = b.ConnectionId AND s.BulkChangeId = :bulk_change_id AND s.FreeFrom > s.UsedFrom
    ) AS last_used
FROM device_association.call_budget AS b
WHERE b.ConnectionId = :connection_id
