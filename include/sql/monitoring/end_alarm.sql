-- Ends an alarm; its end is to be told if it was told itself, else neither is.
-- Safe to run twice: only one that is on is ended.
UPDATE device_association.alarm
SET EndedDate = :now, ToldDate = NULLIF(COALESCE(ToldDate, :now), ToldDate)
WHERE Name = :alarm AND Subject = :subject AND EndedDate IS NULL
