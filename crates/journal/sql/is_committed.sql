-- Whether a commit is in the journal, asked of one task that it wrote. $1 shard, $2 task, $3 commit number.
-- The word in braces is replaced by the task's day. A task's own row keeps the last commit only, so a later number there says yes as well.
SELECT EXISTS (SELECT FROM tasker.records WHERE shard = $1 AND task_uuid = $2 AND {day} AND commit = $3)
    OR EXISTS (SELECT FROM tasker.tasks WHERE shard = $1 AND task_uuid = $2 AND {day} AND commit >= $3)
