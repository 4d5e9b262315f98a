-- The sessions that the session $1 waits for. A prepared transaction has none: 0.
SELECT b.pid, coalesce(a.usename::text, '') AS role, coalesce(a.application_name, '') AS application
FROM unnest(pg_blocking_pids($1)) AS b (pid)
LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid
