#!/usr/bin/env bash
# Builds and tests e2e/consumer as its owner would: as a workspace elsewhere, with Bazel alone; first with this checkout,
# then with the archive that //:release makes.
#
#   e2e/consumer.sh EVENTS
#
# The folder EVENTS gets checkout.json and archive.json: what Bazel says of both runs.
set -euo pipefail
tasker=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${1:?a folder for the events}"
events=$(cd "$1" && pwd)

# One place on a machine, whatever checkout is tried, because Bazel keeps a gigabyte for each.
place=${XDG_CACHE_HOME:-${HOME:?the cache folder is below it}/.cache}/tasker/consumer
mkdir -p "$place"
if [[ -z ${TASKER_CONSUMER_LOCKED:-} ]]; then
  TASKER_CONSUMER_LOCKED=1 exec flock --close "$place/lock" "${BASH_SOURCE[0]}" "$events"
fi

bazel=$("$tasker/tools/build/install_bazel.sh")/bin/bazel
cmp "$tasker/tasker.bazelrc" "$tasker/e2e/consumer/.bazelrc"
rm -rf "$place/shop"
cp -r "$tasker/e2e/consumer" "$place/shop"
cd "$place/shop"

status=0
build() {
  "$bazel" build --nobuild //shop:engine_image --curses=no --show_progress_rate_limit=60 || status=$?
  "$bazel" test //... --curses=no --show_progress_rate_limit=60 --build_event_json_file="$events/$1.json" || status=$?
}

echo "another repository, with this checkout:"
sed -i "s|path = \"../..\"|path = \"$tasker\"|" WORKSPACE
build checkout

# Without the lines that it must copy.
if said=$("$bazel" build --nobuild --noincompatible_default_to_explicit_init_py //shop:orders 2>&1); then
  echo "a workspace without Tasker's flags is built all the same" >&2
  status=1
elif [[ $said != *"copy Tasker's tasker.bazelrc"* ]]; then
  echo "a workspace without Tasker's flags is not told so: $said" >&2
  status=1
fi

echo "another repository, with the archive:"
loaded=$(cd "$tasker" && tools/bazel run //:release -- "$place")
python3 - "$loaded" <<'PYTHON'
import pathlib, re, sys
file = pathlib.Path("WORKSPACE")
checkout = re.compile(r"local_repository\(\n    name = \"tasker\",.*?\n\)\n", re.DOTALL)
text, replaced = checkout.subn(lambda _: sys.argv[1] + "\n", file.read_text())
assert replaced == 1, "the WORKSPACE loads Tasker once"
file.write_text(text)
PYTHON
build archive
"$bazel" shutdown
exit "$status"
