-- Lists of tasks: what they show of a task that is not in an engine's memory, and finding those that ended badly.

ALTER TABLE tasker.tasks
    -- As they were when the task was last found to be blocked or to have ended; NULL before.
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN total_steps integer,
    ADD COLUMN pending_steps integer,
    ADD COLUMN completed_steps integer,
    ADD COLUMN failed_steps integer;

-- Tasks that are blocked or that ended otherwise than complete: few, so appends hardly pay for it. Lists of all others
-- go by the primary key, and by tasks_open: an index more for them would cost each task two entries.
CREATE INDEX tasks_troubled ON tasker.tasks (shard, task_uuid) WHERE status IN (1, 3, 4, 5);
