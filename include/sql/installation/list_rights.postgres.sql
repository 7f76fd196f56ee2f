-- What this login may do with each table, view and procedure of the portal and with each of ours.
-- Safe to run twice: reads only.
SELECT
    n.nspname AS schema_name,
    t.relname AS object_name,
    CAST(HAS_TABLE_PRIVILEGE(t.oid, 'SELECT') AS int) AS can_select,
    CAST(HAS_TABLE_PRIVILEGE(t.oid, 'INSERT') AS int) AS can_insert,
    CAST(HAS_TABLE_PRIVILEGE(t.oid, 'UPDATE') AS int) AS can_update,
    CAST(HAS_TABLE_PRIVILEGE(t.oid, 'DELETE') AS int) AS can_delete,
    0 AS can_execute,
    CAST(PG_HAS_ROLE(t.relowner, 'USAGE') AS int) AS can_alter
FROM pg_class AS t
INNER JOIN pg_namespace AS n ON t.relnamespace = n.oid
WHERE n.nspname IN ('dbo', 'device_association') AND t.relkind IN ('r', 'p', 'v')
UNION ALL
SELECT
    n.nspname AS schema_name,
    p.proname AS object_name,
    0 AS can_select,
    0 AS can_insert,
    0 AS can_update,
    0 AS can_delete,
    CAST(HAS_FUNCTION_PRIVILEGE(p.oid, 'EXECUTE') AS int) AS can_execute,
    CAST(PG_HAS_ROLE(p.proowner, 'USAGE') AS int) AS can_alter
FROM pg_proc AS p
INNER JOIN pg_namespace AS n ON p.pronamespace = n.oid
WHERE n.nspname = 'dbo' AND p.prokind = 'p'
ORDER BY schema_name, object_name
