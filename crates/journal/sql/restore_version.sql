-- Takes a version's retirement back, if this process still owns the engine. The fence is append.sql's. The answer is
-- whether there was a row for it.
-- $1 engine, $2 epoch, $3 the transaction that wrote its row, $4 namespace, $5 name, $6 version.
WITH fence AS MATERIALIZED (
    SELECT engine FROM tasker.engines WHERE engine = $1 AND epoch = $2 AND xmin::text = $3 FOR SHARE
), marked AS (
    DELETE FROM tasker.template_retirements AS r USING fence
    WHERE r.namespace = $4 AND r.name = $5 AND r.version = $6
)
SELECT EXISTS (SELECT FROM fence) AS held
