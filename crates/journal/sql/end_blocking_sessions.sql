-- Ends the sessions that the session $1 waits for.
SELECT pg_terminate_backend(blocking) FROM unnest(pg_blocking_pids($1)) AS blocking
