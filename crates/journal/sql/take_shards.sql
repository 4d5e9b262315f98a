-- Gives an engine all shards. $1 engine.
UPDATE tasker.shards SET engine = $1 WHERE engine IS DISTINCT FROM $1
