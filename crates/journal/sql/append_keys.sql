-- The part of an append that adds idempotency keys. Apart, because most creations have none.
--
-- $31 to $35 keys, each of a task that this append creates.
, keyed AS (
    INSERT INTO tasker.idempotency (shard, task_uuid, namespace, key, body_hash)
    SELECT k.shard, k.task_uuid, k.namespace, k.key, k.body_hash
    FROM fence, unnest(
        $31::smallint[], $32::uuid[], $33::text[], $34::text[], $35::bytea[]
    ) AS k (shard, task_uuid, namespace, key, body_hash)
)
