-- Makes a session the same whatever the defaults of the role, the database and the server are.
--
-- Appends need READ COMMITTED (the fence looks again after waiting), durable commits and one plan that never scans a
-- partition, chosen before there are statistics. Such a plan locks all partitions that it has, so every statement over
-- tasks names its days as constants, which leaves the others out. Nothing may end a session only because it is slow or idle. Tables are
-- made where the database has its own, as a partitioned one must be.
SET default_transaction_isolation = 'read committed';
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET idle_session_timeout = 0;
-- A peer that is gone without a word: until PostgreSQL notices, its sessions count. Without effect on Unix sockets.
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
-- From PostgreSQL 17 on.
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) IS NOT NULL;
SET default_tablespace = '';
SET default_table_access_method = 'heap';
SET plan_cache_mode = 'force_generic_plan';
-- The planner's switches as PostgreSQL has them, and then those that the journal wants otherwise.
SELECT set_config(name, boot_val, false) FROM pg_settings WHERE starts_with(name, 'enable_') AND setting <> boot_val;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
