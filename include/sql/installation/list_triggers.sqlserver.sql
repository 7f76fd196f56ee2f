-- The enabled triggers on the portal's tables, and which of them take the place of the write.
-- Safe to run twice: reads only.
SELECT
    OBJECT_NAME(t.parent_id) AS table_name,
    t.name AS trigger_name,
    CAST(t.is_instead_of_trigger AS int) AS is_instead_of
FROM sys.triggers AS t
WHERE t.is_disabled = 0 AND OBJECT_SCHEMA_NAME(t.parent_id) = 'dbo'
ORDER BY table_name, trigger_name;
