-- Whether a day's table of tasks, named in braces, has one that has not ended.
SELECT EXISTS (SELECT FROM tasker.{table} WHERE ended_at IS NULL)
