-- What time it is at the database.
-- Safe to run twice: reads only.
SELECT SYSUTCDATETIME() AS now
