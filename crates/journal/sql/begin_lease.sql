-- Gives an engine's lease to the process that takes it over. $1 engine, $2 holder, $3 seconds.
INSERT INTO tasker.leases AS l (engine, holder, expires_at)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8))
ON CONFLICT (engine) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
