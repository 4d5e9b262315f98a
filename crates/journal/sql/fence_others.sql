-- Fences the other engines that own shards: their appends add nothing any more. $1 engine, $2 holder.
UPDATE tasker.engines SET epoch = epoch + 1, holder = $2
WHERE engine <> $1 AND engine IN (SELECT engine FROM tasker.shards)
RETURNING engine, epoch
