-- The texts of some of a task's record rows, in the order of its commits. $1 shard, $2 task, $3 commits. The word in
-- braces is replaced by the task's day.
SELECT payload
FROM tasker.records
WHERE shard = $1 AND task_uuid = $2 AND {day} AND commit = ANY ($3::bigint[])
ORDER BY commit
