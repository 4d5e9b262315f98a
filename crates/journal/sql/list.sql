-- The newest tasks of which something holds, among those of some days: one of the few statements of a round of a list.
--
-- Each shard's newest tasks are candidates, so many ($3) and no more, in the order of an index that begins with the
-- shard. Where a shard has more, all candidates are known only down to its last one: the bound, below which the next
-- round goes on. So it reads a bounded number of rows, whatever is looked for and however many tasks there are.
--
-- The words in braces are replaced: by nothing, or by a condition that an index is for; and by the days that are looked at,
-- which leaves other days' partitions out of the plan.
--
-- $1 and $2 tasks before the first and from the second on; $3 candidates of each shard; $4 how many tasks; $5 namespace, $6 name, $7 status, $8 and $9 created at or after and before, $10
-- initiator, $11 tag, each NULL for any.
WITH candidates AS MATERIALIZED (
    SELECT s.shard::smallint AS shard, t.task_uuid, t.position, t.matches
    FROM generate_series(0, 63) AS s (shard)
    CROSS JOIN LATERAL (
        SELECT
            t.task_uuid,
            row_number() OVER (ORDER BY t.task_uuid DESC) AS position,
            ($5::text IS NULL OR t.namespace = $5)
                AND ($6::text IS NULL OR t.name = $6)
                AND ($7::smallint IS NULL OR t.status = $7)
                AND ($8::timestamptz IS NULL OR t.created_at >= $8)
                AND ($9::timestamptz IS NULL OR t.created_at < $9)
                AND CASE WHEN $10::text IS NULL THEN true ELSE coalesce(t.request::json ->> 'initiator' = $10, false) END
                AND CASE WHEN $11::text IS NULL THEN true ELSE coalesce(t.request::jsonb -> 'tags' ? $11, false) END
                AS matches
        FROM tasker.tasks AS t
        WHERE t.shard = s.shard::smallint AND t.task_uuid < $1 AND t.task_uuid >= $2 AND {days} {source}
        ORDER BY t.task_uuid DESC
        LIMIT $3
    ) AS t
), bound AS (
    SELECT (SELECT c.task_uuid FROM candidates AS c WHERE c.position = $3 ORDER BY c.task_uuid DESC LIMIT 1) AS task_uuid
), chosen AS MATERIALIZED (
    SELECT c.shard, c.task_uuid
    FROM candidates AS c, bound AS b
    WHERE c.matches AND (b.task_uuid IS NULL OR c.task_uuid >= b.task_uuid)
    ORDER BY c.task_uuid DESC
    LIMIT $4
)
SELECT
    b.task_uuid AS bound, t.task_uuid, t.namespace, t.name, t.version, t.template_hash, t.status, t.created_at,
    t.ended_at, t.priority, t.request, t.updated_at, t.total_steps, t.pending_steps, t.completed_steps, t.failed_steps
FROM bound AS b
LEFT JOIN (chosen AS c JOIN tasker.tasks AS t ON t.shard = c.shard AND t.task_uuid = c.task_uuid AND {days}) ON true
ORDER BY t.task_uuid DESC
