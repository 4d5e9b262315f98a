#!/usr/bin/env bash
# A progress bar that is drawn where there is no terminal.
#
# One would guess: a library sees that stderr is a file or a pipe, and draws nothing, or lines.
# What happens: tqdm 4.67.1 writes every state, each behind a carriage return, and one line break at the very end: a program
# that reads its children's, or its own, output by lines gets a single line of all states, after minutes.
# What Tasker does about it: of a line the part behind the last carriage return is logged (tasker_core/capture.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install tqdm==4.67.1
"$folder/venv/bin/python" -c '
import tqdm
print("tqdm", tqdm.__version__)
for _ in tqdm.trange(1000, mininterval=0):
    pass
' 2> "$folder/drawn"
returns=$(tr -cd '\r' < "$folder/drawn" | wc -c)
breaks=$(tr -cd '\n' < "$folder/drawn" | wc -c)
echo "into a file: $returns carriage returns, $breaks line breaks, $(wc -c < "$folder/drawn") bytes"
[ "$returns" -gt 500 ] && [ "$breaks" -eq 1 ]
