-- How much is owed and not sent, by kind, and since when the oldest.
-- Safe to run twice: reads only.
SELECT o.Kind AS state, COUNT(*) AS total, MIN(o.CreatedDate) AS oldest
FROM device_association.outbox AS o
WHERE o.SentDate IS NULL
GROUP BY o.Kind
