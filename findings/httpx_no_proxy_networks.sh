#!/usr/bin/env bash
# One would guess that httpx reads NO_PROXY as curl does, where an entry may be a network (CIDR), as company machines have
# them: NO_PROXY=10.0.0.0/8,fd00::/8.
#
# With httpx 0.28.1 an IPv6 network ends every httpx.Client() with httpx.InvalidURL, whatever the host, even if no proxy is
# set at all; and an IPv4 network exempts no address in it: a request to 10.1.2.3 goes to the proxy, in silence.
#
# Tasker's clients therefore choose the proxy of an engine themselves (tasker_core/client/proxies.py): networks count, and
# httpx does not read the environment.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1

env -u http_proxy -u https_proxy -u all_proxy -u no_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY -u NO_PROXY \
    "$folder/venv/bin/python" - <<'PYTHON'
import http.server
import os
import threading

import httpx

print("httpx", httpx.__version__)
asked = []


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


os.environ["NO_PROXY"] = "fd00::/8"
try:
    httpx.Client().close()
except httpx.InvalidURL as error:
    print("NO_PROXY=fd00::/8, no proxy set: httpx.Client() raises InvalidURL:", error)
else:
    raise SystemExit("NO_PROXY=fd00::/8 is read now")

server = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HTTP_PROXY"] = f"http://127.0.0.1:{server.server_port}"
os.environ["NO_PROXY"] = "10.0.0.0/8"
with httpx.Client() as client:
    client.get("http://10.1.2.3/")
print("NO_PROXY=10.0.0.0/8, GET http://10.1.2.3/: the proxy was asked for", asked)
if asked != ["http://10.1.2.3/"]:
    raise SystemExit("NO_PROXY=10.0.0.0/8 exempts 10.1.2.3 now")
server.shutdown()
PYTHON
