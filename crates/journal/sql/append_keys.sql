-- The part of an append that adds idempotency keys. Apart, because most creations have none.
--
-- $29 to $33 keys, each of a task that this append creates.
, keyed AS (
    INSERT INTO tasker.idempotency (shard, task_uuid, namespace, key, body_hash)
    SELECT k.shard, k.task_uuid, k.namespace, k.key, k.body_hash
    FROM fence, unnest(
        $29::smallint[], $30::uuid[], $31::text[], $32::text[], $33::bytea[]
    ) AS k (shard, task_uuid, namespace, key, body_hash)
)
