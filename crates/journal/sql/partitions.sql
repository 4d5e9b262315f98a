-- Days, counted from 1970-01-01, that have a partition in each of the two partitioned tables.
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' AS day
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('tasker.tasks'::regclass, 'tasker.records'::regclass)
  AND c.relname ~ '_[0-9]{8}$'
  AND NOT i.inhdetachpending
GROUP BY 1
HAVING count(*) = 2
