-- What time it is at the database.
-- Safe to run twice: reads only.
SELECT CLOCK_TIMESTAMP() AS now
