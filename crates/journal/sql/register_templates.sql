-- Says what versions mean, all of them or none: one that means another document already and must not be replaced gets
-- no document, which the column refuses with the whole statement. The same document merged for another environment is
-- no other document. A row comes back for each version that changed.
-- $1 namespaces, $2 names, $3 versions, $4 documents' hashes, $5 merged hashes, $6 whether to replace.
INSERT INTO tasker.template_versions AS v (namespace, name, version, document_hash, merged_hash, registered_at)
SELECT n.namespace, n.name, n.version, n.document_hash, n.merged_hash, clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS n (namespace, name, version, document_hash, merged_hash)
-- Two that register the same do not wait for each other in a circle.
ORDER BY n.namespace, n.name, n.version
ON CONFLICT (namespace, name, version) DO UPDATE SET
    document_hash = CASE
        WHEN $6 OR v.document_hash = excluded.document_hash THEN excluded.document_hash
    END,
    merged_hash = excluded.merged_hash,
    registered_at = excluded.registered_at
WHERE (v.document_hash, v.merged_hash) <> (excluded.document_hash, excluded.merged_hash)
RETURNING 1
