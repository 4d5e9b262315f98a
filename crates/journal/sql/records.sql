-- The record rows of some tasks, each task's in the order of its commits. $1 shards, $2 tasks, in pairs. The word in
-- braces is replaced by the days of the tasks, which leaves other days' partitions out of the plan.
SELECT r.task_uuid, r.records, r.payload
FROM unnest($1::smallint[], $2::uuid[]) WITH ORDINALITY AS t (shard, task_uuid, position)
JOIN tasker.records AS r ON r.shard = t.shard AND r.task_uuid = t.task_uuid AND {days}
ORDER BY t.position, r.commit
