-- Says what a version means, unless it means another document already and must not be replaced. The same document
-- merged for another environment is no other document. A row comes back if something changed.
-- $1 namespace, $2 name, $3 version, $4 document's hash, $5 merged hash, $6 whether to replace.
INSERT INTO tasker.template_versions AS v (namespace, name, version, document_hash, merged_hash, registered_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
ON CONFLICT (namespace, name, version) DO UPDATE SET
    document_hash = excluded.document_hash,
    merged_hash = excluded.merged_hash,
    registered_at = excluded.registered_at
WHERE (v.document_hash, v.merged_hash) <> (excluded.document_hash, excluded.merged_hash)
  AND ($6 OR v.document_hash = excluded.document_hash)
RETURNING 1
