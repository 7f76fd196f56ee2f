-- Records that somebody was told of an alarm, or of its end.
-- Safe to run twice: the same is recorded; an alarm that was raised or ended meanwhile stays to be told.
UPDATE device_association.alarm SET ToldDate = :now
WHERE
    Name = :alarm
    AND Subject = :subject
    AND RaisedDate = :raised
    AND ((EndedDate IS NULL AND :is_on = 1) OR (EndedDate IS NOT NULL AND :is_on = 0))
