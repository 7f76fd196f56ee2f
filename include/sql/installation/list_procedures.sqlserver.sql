-- The stored procedures in the portal's schema with their text; no text where it is encrypted or hidden from this login.
-- Safe to run twice: reads only.
SELECT
    p.name AS procedure_name,
    OBJECT_DEFINITION(p.object_id) AS procedure_text
FROM sys.procedures AS p
INNER JOIN sys.schemas AS s ON p.schema_id = s.schema_id
WHERE s.name = 'dbo'
ORDER BY p.name;
