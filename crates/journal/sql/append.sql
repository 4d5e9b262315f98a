-- Adds what one commit adds, if this process still owns the engine.
--
-- The fence is a lock, not a join: where a take-over has updated the row and not yet committed, FOR SHARE waits for it
-- and looks again; where this statement has the lock, the take-over waits for its commit. Everything else is joined to
-- the fence's row, so without it nothing is written. The answer is whether there was a row.
--
-- The row must also be the one that this process has written, by the transaction that it was written in: one that was
-- restored in its place has the same epoch, and what was committed after that copy was made is gone.
--
-- The words in braces are replaced: by that transaction; and by nothing, or by append_changes.sql and append_keys.sql.
--
-- $1 engine, $2 epoch, $3 commit number; $4 to $15 created tasks; $16 to $19 record rows.
WITH fence AS MATERIALIZED (
    SELECT engine FROM tasker.engines WHERE engine = $1 AND epoch = $2 AND xmin = '{written_by}' FOR SHARE
), created AS (
    INSERT INTO tasker.tasks (
        commit, shard, task_uuid, namespace, name, version, template_hash,
        status, created_at, ended_at, priority, context, request
    )
    SELECT
        $3, c.shard, c.task_uuid, c.namespace, c.name, c.version, c.template_hash,
        c.status, c.created_at, c.ended_at, c.priority, c.context, c.request
    FROM fence, unnest(
        $4::smallint[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::smallint[], $11::timestamptz[], $12::timestamptz[], $13::smallint[], $14::text[], $15::text[]
    ) AS c (
        shard, task_uuid, namespace, name, version, template_hash,
        status, created_at, ended_at, priority, context, request
    )
), added AS (
    INSERT INTO tasker.records (commit, shard, task_uuid, records, payload)
    SELECT $3, r.shard, r.task_uuid, r.records, r.payload
    FROM fence, unnest(
        $16::smallint[], $17::uuid[], $18::bytea[], $19::text[]
    ) AS r (shard, task_uuid, records, payload)
)
{changes}
{keys}
SELECT EXISTS (SELECT FROM fence) AS held
