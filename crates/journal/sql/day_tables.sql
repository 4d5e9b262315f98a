-- The tables of days up to the day $2, counted from 1970-01-01, of the partitioned tables $1, and whether they are
-- attached still. A day's tasks come before its records.
SELECT
    to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' AS day,
    left(c.relname, -9) AS parent,
    c.relname::text AS table,
    i.inhrelid IS NOT NULL AS attached
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'tasker'::regnamespace
  AND c.relkind = 'r'
  AND c.relname ~ '^[a-z]+_[0-9]{8}$'
  AND left(c.relname, -9) = ANY ($1::text[])
  AND right(c.relname, 8) <= to_char(date '1970-01-01' + $2::integer, 'YYYYMMDD')
ORDER BY day, parent DESC
