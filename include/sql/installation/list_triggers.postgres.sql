-- The enabled triggers on the portal's tables, and which of them take the place of the write.
-- Safe to run twice: reads only.
SELECT
    t.relname AS table_name,
    g.tgname AS trigger_name,
    CASE WHEN g.tgtype & 64 = 64 THEN 1 ELSE 0 END AS is_instead_of
FROM pg_trigger AS g
INNER JOIN pg_class AS t ON g.tgrelid = t.oid
INNER JOIN pg_namespace AS n ON t.relnamespace = n.oid
WHERE n.nspname = 'dbo' AND NOT g.tgisinternal AND g.tgenabled <> 'D'
ORDER BY t.relname, g.tgname
