-- How many calls for a line are not settled, by state, and since when the oldest: from its call, since a look-up that cannot be
-- answered lets its absence count from later each time.
-- Safe to run twice: reads only.
SELECT i.State AS state, COUNT(*) AS total, MIN(COALESCE(i.CalledDate, i.UnknownSince, i.CreatedDate)) AS oldest
FROM device_association.line_intent AS i
WHERE i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
GROUP BY i.State
