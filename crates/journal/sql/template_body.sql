-- The text with a hash. $1 hash.
SELECT body FROM tasker.templates WHERE hash = $1
