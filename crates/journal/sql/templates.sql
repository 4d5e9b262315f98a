-- What every version of every template means now, and how operators have marked it.
SELECT
    v.namespace, v.name, v.version, v.document_hash, v.merged_hash, d.body AS document, m.body AS merged,
    r.marked_at AS retired_at, r.marked_by AS retired_by, r.reason AS retired_reason,
    f.marked_at AS default_at, f.marked_by AS default_by, f.reason AS default_reason
FROM tasker.template_versions AS v
JOIN tasker.templates AS d ON d.hash = v.document_hash
JOIN tasker.templates AS m ON m.hash = v.merged_hash
LEFT JOIN tasker.template_retirements AS r USING (namespace, name, version)
LEFT JOIN tasker.template_defaults AS f USING (namespace, name, version)
ORDER BY v.namespace, v.name, v.version
