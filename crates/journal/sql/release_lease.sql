-- Gives up this process's lease: others need not wait for its end. $1 engine, $2 holder.
DELETE FROM tasker.leases WHERE engine = $1 AND holder = $2
