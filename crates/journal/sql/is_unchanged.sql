-- Whether the engine's row is the one that this process has written. $1 engine, $2 the transaction that wrote it.
SELECT EXISTS (SELECT FROM tasker.engines WHERE engine = $1 AND xmin::text = $2)
