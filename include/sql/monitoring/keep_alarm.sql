-- Keeps what is said of an alarm that is on; one that had ended begins anew, and is to be told.
-- Safe to run twice: the second time it is on already.
UPDATE device_association.alarm
SET
    Said = :message,
    RaisedDate = CASE WHEN EndedDate IS NULL THEN RaisedDate ELSE :now END,
    ToldDate = CASE WHEN EndedDate IS NULL THEN ToldDate END,
    EndedDate = NULL
WHERE Name = :alarm AND Subject = :subject
