-- Adds texts that are not there yet. $1 hashes, $2 texts.
INSERT INTO tasker.templates (hash, body)
SELECT DISTINCT ON (hash) hash, body FROM unnest($1::text[], $2::text[]) AS t (hash, body) ORDER BY hash
ON CONFLICT (hash) DO NOTHING
