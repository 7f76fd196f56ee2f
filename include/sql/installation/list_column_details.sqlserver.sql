-- What SQLAlchemy's inspector doesn't say of a column on either database: whether a value comes by itself, and how many
-- digits of a second an instant keeps. Safe to run twice: reads only. The inspector reads the text of a default, which
-- SQL Server hides from a login without VIEW DEFINITION; that there is one it tells everybody.
SELECT
    c.TABLE_SCHEMA AS schema_name,
    c.TABLE_NAME AS table_name,
    c.COLUMN_NAME AS column_name,
    CASE
        WHEN k.default_object_id <> 0 OR k.is_identity = 1 OR k.is_computed = 1 THEN 1
        WHEN c.DATA_TYPE = 'timestamp' THEN 1
        WHEN COLUMNPROPERTY(k.object_id, k.name, 'GeneratedAlwaysType') > 0 THEN 1
        ELSE 0
    END AS has_default,
    c.DATETIME_PRECISION AS second_digits
FROM INFORMATION_SCHEMA.COLUMNS AS c
INNER JOIN sys.schemas AS s ON c.TABLE_SCHEMA = s.name
INNER JOIN sys.objects AS t ON s.schema_id = t.schema_id AND c.TABLE_NAME = t.name AND t.type IN ('U', 'V')
INNER JOIN sys.columns AS k ON t.object_id = k.object_id AND c.COLUMN_NAME = k.name
WHERE c.TABLE_SCHEMA IN ('dbo', 'device_association')
ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION;
