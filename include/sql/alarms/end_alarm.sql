-- Ends an alarm; its end is to be told if it was.
-- Safe to run twice: only one that is on is ended.
UPDATE device_association.alarm
SET EndedDate = :now, ToldDate = CASE WHEN ToldDate IS NULL THEN :now END
WHERE Name = :alarm AND Subject = :subject AND EndedDate IS NULL
