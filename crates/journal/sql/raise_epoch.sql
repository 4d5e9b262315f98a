-- Raises this process's own epoch, which waits for an append that still runs and makes a later one of the old epoch
-- add nothing; and says in which transaction. No row: the engine was taken over. $1 engine, $2 holder.
UPDATE tasker.engines SET epoch = epoch + 1 WHERE engine = $1 AND holder = $2 RETURNING epoch, xmin::text AS written_by
