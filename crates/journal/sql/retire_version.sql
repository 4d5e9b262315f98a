-- Retires a version, if this process still owns the engine; of one that is retired it keeps the last word. The fence is
-- append.sql's. The answer is whether there was a row for it.
-- $1 engine, $2 epoch, $3 the transaction that wrote its row, $4 namespace, $5 name, $6 version, $7 time, $8 by whom, $9 why.
WITH fence AS MATERIALIZED (
    SELECT engine FROM tasker.engines WHERE engine = $1 AND epoch = $2 AND xmin::text = $3 FOR SHARE
), marked AS (
    INSERT INTO tasker.template_retirements (namespace, name, version, marked_at, marked_by, reason)
    SELECT $4, $5, $6, $7, $8, $9 FROM fence
    ON CONFLICT (namespace, name, version) DO UPDATE SET
        marked_at = excluded.marked_at, marked_by = excluded.marked_by, reason = excluded.reason
)
SELECT EXISTS (SELECT FROM fence) AS held
