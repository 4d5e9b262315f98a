-- Takes an engine over, with an epoch above its last one and above $4, and says in which transaction. $1 engine, $2
-- holder, $3 address.
INSERT INTO tasker.engines AS e (engine, epoch, holder, address, taken_at)
VALUES ($1, $4::bigint + 1, $2, $3, clock_timestamp())
ON CONFLICT (engine) DO UPDATE SET
    epoch = greatest(e.epoch + 1, excluded.epoch),
    holder = excluded.holder,
    address = excluded.address,
    taken_at = excluded.taken_at
RETURNING epoch, xmin::text AS written_by
