-- The subjects for which an alarm is on.
-- Safe to run twice: reads only.
SELECT a.Subject AS subject
FROM device_association.alarm AS a
WHERE a.Name = :alarm AND a.EndedDate IS NULL
