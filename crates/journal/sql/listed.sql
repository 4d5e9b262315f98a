-- Some tasks as lists show them. $1 shards, $2 tasks, in pairs. The word in braces is
-- replaced by the days of the tasks.
SELECT
    t.task_uuid, t.namespace, t.name, t.version, t.template_hash, t.status, t.created_at,
    t.ended_at, t.priority, t.request, t.updated_at, t.total_steps, t.pending_steps, t.completed_steps, t.failed_steps
FROM unnest($1::smallint[], $2::uuid[]) AS k (shard, task_uuid)
JOIN tasker.tasks AS t ON t.shard = k.shard AND t.task_uuid = k.task_uuid AND {days}
