-- What this login may do with each table, view and procedure of the portal and with each of ours.
-- Safe to run twice: reads only.
SELECT
    s.name AS schema_name,
    o.name AS object_name,
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'SELECT') AS can_select,
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'INSERT') AS can_insert,
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'UPDATE') AS can_update,
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'DELETE') AS can_delete,
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'EXECUTE') AS can_execute,
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'ALTER') AS can_alter
FROM sys.objects AS o
INNER JOIN sys.schemas AS s ON o.schema_id = s.schema_id
WHERE s.name IN ('dbo', 'device_association') AND o.type IN ('U', 'V', 'P')
ORDER BY s.name, o.name;
