-- Renews this process's lease and reads PostgreSQL's clock. No row: the process has no lease any more.
-- $1 engine, $2 holder, $3 seconds.
UPDATE tasker.leases SET expires_at = clock_timestamp() + make_interval(secs => $3)
WHERE engine = $1 AND holder = $2
RETURNING clock_timestamp()
