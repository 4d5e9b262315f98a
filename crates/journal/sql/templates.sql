-- What every version of every template means now.
SELECT v.namespace, v.name, v.version, v.document_hash, v.merged_hash, d.body AS document, m.body AS merged
FROM tasker.template_versions AS v
JOIN tasker.templates AS d ON d.hash = v.document_hash
JOIN tasker.templates AS m ON m.hash = v.merged_hash
ORDER BY v.namespace, v.name, v.version
