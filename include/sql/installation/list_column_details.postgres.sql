-- What SQLAlchemy's inspector doesn't say of a column on either database: whether a value comes by itself, and how many
-- digits of a second an instant keeps. Safe to run twice: reads only.
SELECT
    n.nspname AS schema_name,
    t.relname AS table_name,
    a.attname AS column_name,
    CASE WHEN a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' THEN 1 ELSE 0 END AS has_default,
    CASE WHEN y.typname IN ('timestamp', 'timestamptz') AND a.atttypmod >= 0 THEN a.atttypmod END AS second_digits
FROM pg_attribute AS a
INNER JOIN pg_class AS t ON a.attrelid = t.oid AND t.relkind IN ('r', 'p', 'v')
INNER JOIN pg_namespace AS n ON t.relnamespace = n.oid
INNER JOIN pg_type AS y ON a.atttypid = y.oid
WHERE n.nspname IN ('dbo', 'device_association') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, t.relname, a.attnum
