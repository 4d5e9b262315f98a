-- The part of an append that changes tasks. Apart, because an UPDATE begins by opening every day's partition, and most
-- of an idle system's commits change none.
--
-- $20 to $23 changed tasks; $24 and $25 the least and the greatest of them.
, changed AS (
    UPDATE tasker.tasks AS t
    SET status = c.status, ended_at = c.ended_at, commit = $3
    FROM fence, unnest(
        $20::smallint[], $21::uuid[], $22::smallint[], $23::timestamptz[]
    ) AS c (shard, task_uuid, status, ended_at)
    WHERE t.shard = c.shard
      AND t.task_uuid = c.task_uuid
      -- Leaves other days' partitions out before the statement starts.
      AND t.task_uuid BETWEEN $24 AND $25
)
