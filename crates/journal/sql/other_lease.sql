-- Another engine that has a lease, and until when. $1 engine.
SELECT e.engine, e.address, to_char(l.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS expires_at
FROM tasker.leases AS l
JOIN tasker.engines AS e ON e.engine = l.engine
WHERE l.engine <> $1
ORDER BY l.expires_at DESC
LIMIT 1
