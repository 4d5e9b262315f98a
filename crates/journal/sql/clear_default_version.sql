-- Takes back that a version is its template's default, if this process still owns the engine. The fence is append.sql's.
-- The answer is whether there was a row for it.
-- $1 engine, $2 epoch, $3 the transaction that wrote its row, $4 namespace, $5 name, $6 version.
WITH fence AS MATERIALIZED (
    SELECT engine FROM tasker.engines WHERE engine = $1 AND epoch = $2 AND xmin::text = $3 FOR SHARE
), marked AS (
    DELETE FROM tasker.template_defaults AS d USING fence
    WHERE d.namespace = $4 AND d.name = $5 AND d.version = $6
)
SELECT EXISTS (SELECT FROM fence) AS held
