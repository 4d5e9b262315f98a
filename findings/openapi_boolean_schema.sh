#!/usr/bin/env bash
# One would guess that generators of clients take what validators of OpenAPI take. A schema may be a boolean: in JSON Schema,
# and so in OpenAPI 3.1, `true` is the schema of any value, the same as `{}`. openapi-spec-validator 0.9.0 says that such a
# document is valid; openapi-python-client 0.29.1 refuses all of it for one `true` in the place of a body's schema, and
# generates a client once `{}` stands there. (`true` as `additionalProperties` is taken by both.)
# In Tasker's document every schema is an object: crates/server/tests/openapi_test.rs walks all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q install openapi-python-client==0.29.1 openapi-spec-validator==0.9.0 ruff==0.14.0
venv/bin/openapi-python-client --version

document() {
  cat <<JSON
{"openapi": "3.1.0", "info": {"title": "Any value", "version": "1"},
 "paths": {"/any": {"get": {"operationId": "any", "responses": {"200": {"description": "Any value.",
   "content": {"application/json": {"schema": $1}}}}}}}}
JSON
}
document true > boolean.json
document '{}' > object.json
generate() {
  PATH=$folder/venv/bin:$PATH venv/bin/openapi-python-client generate --path "$1.json" --output-path "client-$1" > "$1.out" 2>&1
}

for name in boolean object; do
  venv/bin/openapi-spec-validator "$name.json"
done
if generate boolean; then
  echo "A schema that is a boolean is taken now."
  exit 1
fi
grep -n "Input should be a valid dictionary or instance of Schema" boolean.out
generate object
ls -d client-object
echo "As described: valid to the validator, refused by the generator; with an object in its place it is taken."
