-- The part of an append that changes tasks. Apart, because most of an idle system's commits change none.
--
-- The word in braces is replaced by the days of the tasks, as constants: so the plan has these days' partitions and no
-- others. One that could be run for all days would begin by locking them all.
--
-- $20 to $28 changed tasks.
, changed AS (
    UPDATE tasker.tasks AS t
    SET
        status = c.status, ended_at = c.ended_at, commit = $3, updated_at = c.updated_at,
        total_steps = c.total_steps, pending_steps = c.pending_steps,
        completed_steps = c.completed_steps, failed_steps = c.failed_steps
    FROM fence, unnest(
        $20::smallint[], $21::uuid[], $22::smallint[], $23::timestamptz[], $24::timestamptz[],
        $25::integer[], $26::integer[], $27::integer[], $28::integer[]
    ) AS c (
        shard, task_uuid, status, ended_at, updated_at,
        total_steps, pending_steps, completed_steps, failed_steps
    )
    WHERE t.shard = c.shard
      AND t.task_uuid = c.task_uuid
      AND {days}
      -- True of all. They bring the planner's guess of how many tasks change down to one, and so it looks each up in the
      -- index; without them it compares each with all tasks of those days.
      AND c.shard >= 0
      AND c.status >= 0
)
