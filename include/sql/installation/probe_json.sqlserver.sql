-- Reads a list as our statements do; below compatibility level 130 the database knows no OPENJSON.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS items FROM OPENJSON(N'[1, 2]');
