-- What some versions mean now, by their places in the lists; one that is not there is left out.
-- $1 namespaces, $2 names, $3 versions.
SELECT n.place, v.document_hash, v.merged_hash
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS n (namespace, name, version, place)
JOIN tasker.template_versions AS v USING (namespace, name, version)
ORDER BY n.place
