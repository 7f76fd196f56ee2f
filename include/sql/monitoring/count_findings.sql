-- How many findings wait for a person, by kind, and since when the oldest.
-- Safe to run twice: reads only.
SELECT f.Kind AS state, COUNT(*) AS total, MIN(f.FoundDate) AS oldest
FROM device_association.finding AS f
WHERE f.ClosedDate IS NULL AND f.IsRepaired = 0
GROUP BY f.Kind
