-- Days, counted from 1970-01-01, with the partitioned table that has a partition for them.
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' AS day, p.relname::text AS table
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN pg_class AS p ON p.oid = i.inhparent
WHERE i.inhparent IN ('tasker.tasks'::regclass, 'tasker.records'::regclass, 'tasker.idempotency'::regclass)
  AND c.relname ~ '_[0-9]{8}$'
  AND NOT i.inhdetachpending
