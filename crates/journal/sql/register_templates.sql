-- Says what versions mean, all of them or none, if this process still owns the engine: one that means another document
-- already and must not be replaced gets no document, which the column refuses with the whole statement. The same document
-- merged for another environment is no other document. The fence is append.sql's. The answer is whether there was a row
-- for it, and how many versions changed.
-- $1 engine, $2 epoch, $3 the transaction that wrote its row, $4 namespaces, $5 names, $6 versions, $7 documents' hashes,
-- $8 merged hashes, $9 whether to replace.
WITH fence AS MATERIALIZED (
    SELECT engine FROM tasker.engines WHERE engine = $1 AND epoch = $2 AND xmin::text = $3 FOR SHARE
), registered AS (
    INSERT INTO tasker.template_versions AS v (namespace, name, version, document_hash, merged_hash, registered_at)
    SELECT n.namespace, n.name, n.version, n.document_hash, n.merged_hash, clock_timestamp()
    FROM fence, unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
        AS n (namespace, name, version, document_hash, merged_hash)
    -- Two that register the same do not wait for each other in a circle.
    ORDER BY n.namespace, n.name, n.version
    ON CONFLICT (namespace, name, version) DO UPDATE SET
        document_hash = CASE
            WHEN $9 OR v.document_hash = excluded.document_hash THEN excluded.document_hash
        END,
        merged_hash = excluded.merged_hash,
        registered_at = excluded.registered_at
    WHERE (v.document_hash, v.merged_hash) <> (excluded.document_hash, excluded.merged_hash)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM fence) AS held, (SELECT count(*) FROM registered) AS changed
