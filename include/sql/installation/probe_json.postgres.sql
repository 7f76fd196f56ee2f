-- Reads a list as our statements do.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS items FROM JSONB_ARRAY_ELEMENTS('[1, 2]')
