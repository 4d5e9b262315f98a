-- Which history the database is on: a restored cluster has another identifier, a promoted standby another timeline.
-- The first eight digits of a WAL file's name are the timeline.
SELECT s.system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline
FROM pg_control_system() AS s
