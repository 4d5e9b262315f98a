-- Who owns an engine. $1 engine.
SELECT epoch, holder FROM tasker.engines WHERE engine = $1
