-- The part of an append that adds idempotency keys. Apart, because most creations have none.
--
-- $26 to $30 keys, each of a task that this append creates.
, keyed AS (
    INSERT INTO tasker.idempotency (shard, task_uuid, namespace, key, body_hash)
    SELECT k.shard, k.task_uuid, k.namespace, k.key, k.body_hash
    FROM fence, unnest(
        $26::smallint[], $27::uuid[], $28::text[], $29::text[], $30::bytea[]
    ) AS k (shard, task_uuid, namespace, key, body_hash)
)
