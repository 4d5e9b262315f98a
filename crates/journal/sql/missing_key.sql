-- A key that the tables lack. Where a dump is being restored, the keys come last, each once the rows of its tables are in;
-- so where none is missing, all rows are there.
SELECT 'the primary key of tasker.' || t.name
FROM unnest(ARRAY[
    'engines', 'shards', 'templates', 'template_versions', 'template_retirements', 'template_defaults', 'tasks', 'records',
    'idempotency', 'leases'
]) AS t (name)
WHERE NOT EXISTS (
    SELECT FROM pg_index AS i
    WHERE i.indrelid = to_regclass('tasker.' || t.name) AND i.indisprimary AND i.indisvalid
)
UNION ALL
SELECT 'the foreign key of tasker.' || t.name
FROM unnest(ARRAY['leases', 'template_retirements', 'template_defaults']) AS t (name)
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('tasker.' || t.name) AND contype = 'f')
LIMIT 1
