-- The partitions whose detaching was begun and not ended, of the partitioned tables $1.
SELECT p.relname::text AS parent, c.relname::text AS table
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN pg_class AS p ON p.oid = i.inhparent
WHERE i.inhdetachpending AND p.relnamespace = 'tasker'::regnamespace AND p.relname = ANY ($1::text[])
