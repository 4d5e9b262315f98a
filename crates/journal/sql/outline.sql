-- The record rows of one task without their texts, in the order of its commits. $1 shard, $2 task.
SELECT commit, records
FROM tasker.records
WHERE shard = $1 AND task_uuid = $2
ORDER BY commit
