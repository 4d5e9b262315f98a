-- Contexts, and the texts of record rows, of some tasks in one go. A row is named by its number among those of its task,
-- counted from 1 in the order of the commits; 0 is the task's context. $1 shards, $2 tasks, $3 numbers, in triples.
-- The words in braces are replaced by the days of the tasks, which leaves other days' partitions out of the plan. Each
-- comes with its place among what was asked for, counted from 1.
WITH wanted AS MATERIALIZED (
    SELECT shard, task_uuid, number, position
    FROM unnest($1::smallint[], $2::uuid[], $3::integer[]) WITH ORDINALITY
        AS w (shard, task_uuid, number, position)
), last AS (
    SELECT shard, task_uuid, max(number) AS number FROM wanted WHERE number > 0 GROUP BY shard, task_uuid
)
SELECT w.position, t.context
FROM wanted AS w
JOIN tasker.tasks AS t ON t.shard = w.shard AND t.task_uuid = w.task_uuid AND {days_of_tasks}
WHERE w.number = 0
UNION ALL
SELECT w.position, r.payload
FROM last AS l
CROSS JOIN LATERAL (
    SELECT n.payload, row_number() OVER (ORDER BY n.commit) AS number
    FROM tasker.records AS n
    WHERE n.shard = l.shard AND n.task_uuid = l.task_uuid AND {days_of_records}
    ORDER BY n.commit
    LIMIT l.number
) AS r
JOIN wanted AS w ON w.shard = l.shard AND w.task_uuid = l.task_uuid AND w.number = r.number
