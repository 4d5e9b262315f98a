-- The part of an append that changes tasks. Apart, because an UPDATE begins by opening every day's partition, and most
-- of an idle system's commits change none.
--
-- $20 to $28 changed tasks; $29 and $30 the least and the greatest of them.
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
      -- Leaves other days' partitions out before the statement starts.
      AND t.task_uuid BETWEEN $29 AND $30
      -- True of all. They bring the planner's guess of how many tasks change down to one, and so it looks each up in the
      -- index; without them it compares each with all tasks between the least and the greatest.
      AND c.shard >= 0
      AND c.status >= 0
)
