-- Every column of the portal's tables and of ours, as the database describes it; a value that comes by itself is a default.
-- Safe to run twice: reads only.
SELECT
    n.nspname AS schema_name,
    t.relname AS table_name,
    a.attname AS column_name,
    FORMAT_TYPE(a.atttypid, NULL) AS type_name,
    CASE
        WHEN a.atttypmod < 0 THEN NULL
        WHEN y.typname IN ('varchar', 'bpchar') THEN a.atttypmod - 4
        WHEN y.typname = 'numeric' THEN (a.atttypmod - 4) / 65536
        WHEN y.typname IN ('timestamp', 'timestamptz') THEN a.atttypmod
    END AS size,
    CASE WHEN y.typname = 'numeric' AND a.atttypmod >= 0 THEN MOD(a.atttypmod - 4, 65536) END AS scale,
    CASE WHEN a.attnotnull THEN 0 ELSE 1 END AS is_nullable,
    CASE WHEN a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' THEN 1 ELSE 0 END AS has_default,
    CASE WHEN a.attcollation <> y.typcollation THEN l.collname END AS collation_name
FROM pg_attribute AS a
INNER JOIN pg_class AS t ON a.attrelid = t.oid AND t.relkind IN ('r', 'p', 'v')
INNER JOIN pg_namespace AS n ON t.relnamespace = n.oid
INNER JOIN pg_type AS y ON a.atttypid = y.oid
LEFT JOIN pg_collation AS l ON a.attcollation = l.oid
WHERE n.nspname IN ('dbo', 'device_association') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, t.relname, a.attnum
