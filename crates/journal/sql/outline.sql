-- The record rows of one task without their texts, in the order of its commits. $1 shard, $2 task. The word in braces
-- is replaced by the task's day.
SELECT commit, records
FROM tasker.records
WHERE shard = $1 AND task_uuid = $2 AND {day}
ORDER BY commit
