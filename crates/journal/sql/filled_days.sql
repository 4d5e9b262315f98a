-- The days, counted from 1970-01-01, of the partitioned table $1 whose partitions have had a row; the last one first.
-- Looks at their files, one partition after the other, and keeps no lock on any of them.
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' AS day
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = $1::text::regclass
  AND c.relname ~ '_[0-9]{8}$'
  -- One that is being detached is waited for by who detaches it, and holds up who asks for its size.
  AND NOT i.inhdetachpending
  AND pg_relation_size(c.oid) > 0
ORDER BY day DESC
