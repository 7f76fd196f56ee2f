-- How many dead letters there are, by what became of them, and since when the oldest.
-- Safe to run twice: reads only.
SELECT d.State AS state, COUNT(*) AS total, MIN(d.FoundDate) AS oldest
FROM device_association.dead_letter AS d
GROUP BY d.State
