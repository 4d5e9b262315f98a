-- Makes one day's partition of one table. The words in braces are filled in.
--
-- Made apart and then attached, because CREATE TABLE ... PARTITION OF takes a lock on the parent that waits for every
-- open reader and holds up each append behind it. The new table is empty, so attaching it scans nothing.
CREATE TABLE tasker.{table}_{suffix} (LIKE tasker.{table} INCLUDING ALL) WITH (fillfactor = {fillfactor});
ALTER TABLE tasker.{table} ATTACH PARTITION tasker.{table}_{suffix} FOR VALUES FROM ('{from}') TO ('{to}');
