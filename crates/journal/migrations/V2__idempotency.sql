-- Idempotency keys: which task the first use of a key created.
--
-- A key is in the shard that a hash of its namespace and itself gives, and so is its task. It is in the partition of
-- the task's day, named idempotency_YYYYMMDD, which is made with that day's other partitions and dropped when all its
-- keys have lost their meaning.

CREATE TABLE tasker.idempotency (
    task_uuid uuid NOT NULL,
    shard smallint NOT NULL,
    namespace text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of the creation's body: another use of the key must have the same.
    body_hash bytea NOT NULL,
    PRIMARY KEY (shard, namespace, key, task_uuid)
) PARTITION BY RANGE (task_uuid);
