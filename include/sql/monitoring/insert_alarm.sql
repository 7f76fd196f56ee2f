-- Raises an alarm for the first time.
-- Safe to run twice: one row an alarm and subject.
INSERT INTO device_association.alarm (Name, Subject, Said, RaisedDate, EndedDate)
SELECT :alarm, :subject, :message, :now, :ended
WHERE NOT EXISTS (SELECT 1 FROM device_association.alarm AS a WHERE a.Name = :alarm AND a.Subject = :subject)
