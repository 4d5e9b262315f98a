-- Which tasks the first uses of some keys created. $1 shards, $2 namespaces and $3 keys, in step; $4 the least task of
-- those whose keys still have a meaning. The word in braces is replaced by the days that may have such keys, as constants:
-- the statement is prepared, and this leaves other days' partitions out of its plan.
SELECT k.position, i.task_uuid, i.body_hash
FROM unnest($1::smallint[], $2::text[], $3::text[]) WITH ORDINALITY AS k (shard, namespace, key, position)
JOIN tasker.idempotency AS i
    ON i.shard = k.shard AND i.namespace = k.namespace AND i.key = k.key AND i.task_uuid >= $4 AND {days}
ORDER BY k.position
