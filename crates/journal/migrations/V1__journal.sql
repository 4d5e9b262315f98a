-- The journal: everything that a Tasker engine must find again after a crash.
--
-- engines            one row for each engine: who owns it now. Its epoch fences every append.
-- shards             which engine a shard belongs to. A task's shard is six bits of its UUID.
-- templates          the text of each template, by the hash of its content; merged texts too.
-- template_versions  which text a (namespace, name, version) means.
-- tasks              one row for each task, in the partition of the day on which it was created.
-- records            what each commit added to each task, in the partition of the task's day. Never changed.
-- migrations         which of these files have been applied.
--
-- A commit number is the epoch in its upper half and a counter in its lower half. So numbers rise from commit to
-- commit, from restart to restart and from owner to owner of a shard, and no table has to hold the last one.
--
-- Partitions are made ahead of time by the engine, one a day (UTC) and table, named tasks_YYYYMMDD and
-- records_YYYYMMDD. There is no default partition, because attaching beside one would scan it under a lock.

CREATE TABLE tasker.engines (
    engine text PRIMARY KEY,
    -- Raised by each take-over and after each lost connection. An append that names another epoch adds nothing.
    epoch bigint NOT NULL,
    -- The process that took the engine over last; drawn when it started.
    holder uuid NOT NULL,
    address text NOT NULL,
    taken_at timestamptz NOT NULL
);

CREATE TABLE tasker.shards (
    shard smallint PRIMARY KEY,
    -- NULL until an engine takes it for the first time.
    engine text REFERENCES tasker.engines (engine)
);
INSERT INTO tasker.shards (shard) SELECT generate_series(0, 63);

CREATE TABLE tasker.templates (
    hash text PRIMARY KEY,
    body text NOT NULL
);

CREATE TABLE tasker.template_versions (
    namespace text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    -- The template as its author wrote it.
    document_hash text NOT NULL REFERENCES tasker.templates (hash),
    -- The same, with the engine's environment merged into it.
    merged_hash text NOT NULL REFERENCES tasker.templates (hash),
    registered_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, name, version)
);

-- Columns stand in the order that needs no padding between them.
CREATE TABLE tasker.tasks (
    created_at timestamptz NOT NULL,
    -- Set when the task ends, and then never changed.
    ended_at timestamptz,
    -- The commit that last wrote this row.
    commit bigint NOT NULL,
    task_uuid uuid NOT NULL,
    shard smallint NOT NULL,
    status smallint NOT NULL,
    priority smallint NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    -- The merged content that the task started with, and keeps.
    template_hash text NOT NULL,
    -- JSON of what the creation said besides: initiator, source system, reason, tags, correlation ids.
    request text NOT NULL,
    -- JSON, digit for digit as it came.
    context text NOT NULL,
    PRIMARY KEY (shard, task_uuid)
) PARTITION BY RANGE (task_uuid);

-- Recovery reads the open tasks, however many have ended.
CREATE INDEX tasks_open ON tasker.tasks (shard, task_uuid) WHERE ended_at IS NULL;

CREATE TABLE tasker.records (
    commit bigint NOT NULL,
    task_uuid uuid NOT NULL,
    shard smallint NOT NULL,
    -- A versioned list of records.
    records bytea NOT NULL,
    -- The texts that belong to them.
    payload text NOT NULL,
    PRIMARY KEY (shard, task_uuid, commit)
) PARTITION BY RANGE (task_uuid);
