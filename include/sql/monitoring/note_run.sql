-- Notes a run that failed or is late; it is to be told when the last telling about its DAG is old enough.
-- Safe to run twice: one row a DAG.
UPDATE device_association.alarm
SET Said = :message, RaisedDate = :now, EndedDate = :now, ToldDate = CASE WHEN ToldDate >= :sent_since THEN ToldDate END
WHERE Name = :alarm AND Subject = :subject
