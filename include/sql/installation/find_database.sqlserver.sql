-- The database as a whole: its name, the login, collation, compatibility level, snapshots, and what the login may make.
-- Safe to run twice: reads only.
SELECT
    d.name AS database_name,
    CURRENT_USER AS login_name,
    d.collation_name,
    CAST(d.compatibility_level AS int) AS compatibility_level,
    CAST(d.is_read_committed_snapshot_on AS int) AS reads_snapshots,
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE SCHEMA') AS can_create_schema,
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE') AS can_create_table,
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE VIEW') AS can_create_view,
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE PROCEDURE') AS can_create_procedure,
    HAS_PERMS_BY_NAME('dbo', 'SCHEMA', 'ALTER') AS can_change_dbo
FROM sys.databases AS d
WHERE d.name = DB_NAME();
