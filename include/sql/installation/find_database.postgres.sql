-- The database as a whole: its name, the login, and what the login may make; the rest is a matter of SQL Server.
-- Safe to run twice: reads only.
SELECT
    CURRENT_DATABASE() AS database_name,
    CURRENT_USER AS login_name,
    NULL AS collation_name,
    NULL AS compatibility_level,
    NULL AS reads_snapshots,
    CAST(HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'CREATE') AS int) AS can_create_schema,
    1 AS can_create_table,
    1 AS can_create_view,
    1 AS can_create_procedure,
    (
        SELECT CAST(HAS_SCHEMA_PRIVILEGE(n.oid, 'CREATE') AS int) FROM pg_namespace AS n WHERE n.nspname = 'dbo'
    ) AS can_change_dbo
