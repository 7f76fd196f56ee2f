-- Deletes alarms that were over long ago and of which somebody was told: there is one row an alarm and DAG.
-- Safe to run twice: what is on, recent or still to be told stays.
DELETE FROM device_association.alarm
WHERE EndedDate < :ended_before AND ToldDate IS NOT NULL
