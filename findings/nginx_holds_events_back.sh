#!/usr/bin/env bash
# nginx 1.22 as a reverse proxy with its defaults, and server-sent events.
#
# One would have guessed that an answer of `Content-Type: text/event-stream` with `Cache-Control: no-cache, no-transform`
# goes through as it comes, or at least uncompressed. It does neither: nginx holds all of it back until the upstream ends
# (or its buffers are full), the comments that are sent to show that the stream lives too, so a client that listens for
# them gives the connection up; and where `gzip` is on for the type, it is compressed all the same. The one header that
# counts is `X-Accel-Buffering: no`: with it each event goes through at once, compressed or not.
#
# Tasker sends that header with a task's events, and a comment every 15 s.
#
# Needs Debian 12's apt (the package is unpacked in a temporary folder, nothing is installed), python3, two free ports.
set -euo pipefail

folder=$(mktemp -d)
pids=()
trap '[ -z "${pids[*]}" ] || kill "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
# apt downloads as a user of its own.
chmod 755 .
apt-get download -qq 'nginx=1.22.1*'
dpkg -x nginx_*.deb .
./usr/sbin/nginx -v

cat >upstream.py <<'PYTHON'
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Events(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache, no-transform")
        if self.path == "/header":
            self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        for number in range(3):
            self.wfile.write(b"data: %d\n\n: here\n\n" % number)
            time.sleep(1)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Events).serve_forever()
PYTHON
cat >ask.py <<'PYTHON'
import http.client
import sys
import time

port, path, encoding = int(sys.argv[1]), sys.argv[2], sys.argv[3]
deadline = time.monotonic() + 10
while True:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": encoding})
        break
    except ConnectionRefusedError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.1)
begun = time.monotonic()
answer = connection.getresponse()
first = None
while answer.read1(65536):
    first = time.monotonic() - begun if first is None else first
compressed = answer.getheader("Content-Encoding") or "plain"
print("held back" if first > 2.5 else "at once" if first < 1 else f"after {first:.1f} s", compressed)
PYTHON

read -r upstream proxy < <(python3 - <<'PYTHON'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
)
cat >nginx.conf <<NGINX
daemon off;
master_process off;
pid $folder/pid;
error_log $folder/error.log;
events {}
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    gzip on;
    gzip_types text/event-stream;
    server {
        listen 127.0.0.1:$proxy;
        location / { proxy_pass http://127.0.0.1:$upstream; }
    }
}
NGINX
python3 upstream.py "$upstream" &
pids+=($!)
./usr/sbin/nginx -c "$folder/nginx.conf" -e "$folder/error.log" &
pids+=($!)

code=0
check() {
    local said
    said=$(python3 ask.py "$1" "$2" "$3")
    echo "$4: $said"
    if [ "$said" != "$5" ]; then
        echo "  expected: $5"
        code=1
    fi
}
check "$upstream" / identity "from the upstream itself" "at once plain"
check "$proxy" / identity "through nginx" "held back plain"
check "$proxy" / gzip "through nginx, to who takes gzip" "held back gzip"
check "$proxy" /header identity "with X-Accel-Buffering: no" "at once plain"
check "$proxy" /header gzip "with it, to who takes gzip" "at once gzip"
exit $code
