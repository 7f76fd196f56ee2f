-- The alarms and ends of alarms that somebody is to be told, also those that are on and were told long ago.
-- Safe to run twice: reads only.
SELECT a.Name AS name, a.Subject AS subject, a.Said AS message, a.RaisedDate AS raised, a.EndedDate AS ended
FROM device_association.alarm AS a
WHERE a.ToldDate IS NULL OR (a.EndedDate IS NULL AND a.ToldDate < :sent_before)
ORDER BY a.RaisedDate, a.Name, a.Subject
