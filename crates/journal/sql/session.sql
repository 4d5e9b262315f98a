-- Makes a session the same whatever the defaults of the role, the database and the server are.
--
-- Appends need READ COMMITTED (the fence looks again after waiting), durable commits and one plan that never scans a
-- partition, chosen before there are statistics. Nothing may end a session only because it is slow or idle.
SET default_transaction_isolation = 'read committed';
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET idle_session_timeout = 0;
SET plan_cache_mode = 'force_generic_plan';
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
