-- What a version means now. $1 namespace, $2 name, $3 version.
SELECT document_hash, merged_hash FROM tasker.template_versions WHERE namespace = $1 AND name = $2 AND version = $3
