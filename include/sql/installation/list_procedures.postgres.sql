-- The stored procedures in the portal's schema with their text.
-- Safe to run twice: reads only.
SELECT
    p.proname AS procedure_name,
    PG_GET_FUNCTIONDEF(p.oid) AS procedure_text
FROM pg_proc AS p
INNER JOIN pg_namespace AS n ON p.pronamespace = n.oid
WHERE n.nspname = 'dbo' AND p.prokind = 'p'
ORDER BY p.proname, p.oid
