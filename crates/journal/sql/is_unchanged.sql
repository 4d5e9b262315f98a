-- Whether the database still is the one that was written to, as far as can be seen: the engine's row is the one that this
-- process has written, and the last commit that is known is there. $1 engine, $2 the transaction that wrote the row; $3
-- shard, $4 task and $5 number of the commit, or NULL. The word in braces is replaced by the task's day.
SELECT EXISTS (SELECT FROM tasker.engines WHERE engine = $1 AND xmin::text = $2)
    AND (
        $4 IS NULL
        OR EXISTS (SELECT FROM tasker.records WHERE shard = $3 AND task_uuid = $4 AND {day} AND commit = $5)
        OR EXISTS (SELECT FROM tasker.tasks WHERE shard = $3 AND task_uuid = $4 AND {day} AND commit >= $5)
    )
