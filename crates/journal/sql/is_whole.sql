-- Whether the tables have all their keys and, where a dump is being restored, therefore all their rows: a restore makes
-- the keys last, each once the rows of its tables are in.
SELECT
    NOT EXISTS (
        SELECT FROM unnest(ARRAY['engines', 'shards', 'templates', 'template_versions', 'tasks', 'records', 'idempotency', 'leases'])
            AS t (name)
        WHERE NOT EXISTS (
            SELECT FROM pg_index AS i
            WHERE i.indrelid = to_regclass('tasker.' || t.name) AND i.indisprimary AND i.indisvalid
        )
    )
    AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('tasker.leases') AND contype = 'f')
