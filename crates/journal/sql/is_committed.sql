-- Whether a commit is in the journal, asked of one task that it wrote. The words in braces are replaced by the task, its
-- shard and its day, and the commit's number. A task's own row keeps the last commit only, so a later number there says
-- yes as well.
SELECT EXISTS (SELECT FROM tasker.records WHERE shard = {shard} AND task_uuid = '{task}' AND {day} AND commit = {commit})
    OR EXISTS (SELECT FROM tasker.tasks WHERE shard = {shard} AND task_uuid = '{task}' AND {day} AND commit >= {commit})
