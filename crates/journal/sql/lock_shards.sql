-- Lets one take-over pass at a time.
SELECT shard FROM tasker.shards ORDER BY shard FOR UPDATE
