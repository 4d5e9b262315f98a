-- One task. $1 shard, $2 task. The word in braces is replaced by the task's day.
SELECT
    task_uuid, namespace, name, version, template_hash, status, created_at, ended_at, priority, context, request, shard
FROM tasker.tasks
WHERE shard = $1 AND task_uuid = $2 AND {day}
