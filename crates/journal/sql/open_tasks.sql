-- The next open tasks of this engine's shards and of some days, in the order of shard and task. The word in braces is
-- replaced by the days.
--
-- $1 engine; $2 and $3 the last shard and task that were read; $4 how many; $5 a status of which contexts are not wanted.
SELECT
    task_uuid, namespace, name, version, template_hash, status, created_at, ended_at, priority,
    CASE WHEN status = $5::smallint THEN '' ELSE context END AS context, request, shard
FROM tasker.tasks
WHERE ended_at IS NULL
  AND {days}
  AND (shard, task_uuid) > ($2, $3)
  -- An array, not a join, so that the index gives the rows in their order; without the shards that are behind, which it
  -- would go through for each page.
  AND shard = ANY (ARRAY (SELECT s.shard FROM tasker.shards AS s WHERE s.engine = $1 AND s.shard >= $2))
ORDER BY shard, task_uuid
LIMIT $4
