-- The tables of days' idempotency keys up to the day $1, counted from 1970-01-01: whether they are attached still, and
-- whether a detaching was begun and not ended.
SELECT c.relname::text AS table, i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS pending
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'tasker'::regnamespace
  AND c.relkind = 'r'
  AND c.relname ~ '^idempotency_[0-9]{8}$'
  AND to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' <= $1
ORDER BY c.relname
