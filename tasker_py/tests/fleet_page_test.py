"""The health page of several workers: what each says of itself, with its name before it."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tasker_core.fleet_page import FleetPage

BROKEN = "templates/order.yaml:7:20: no step has the name 'prize'"
CONNECTING = "connecting to http://127.0.0.1:8080"


@dataclass(frozen=True, kw_only=True)
class Process:
    worker_id: str
    address: str | None
    trouble: str = "starting"
    starts: int = 1


@pytest.fixture
def worker() -> Iterator[str]:
    """The address of a worker's own page, which has a problem and is connecting."""
    health = {"status": "not_ready", "reasons": [BROKEN, CONNECTING], "problems": [BROKEN]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(health).encode()
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def asked(page: FleetPage) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://{page.address}/health") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_problems_are_told_from_what_may_pass(worker: str) -> None:
    processes = [Process(worker_id="w-1", address=worker), Process(worker_id="w-2", address=None)]
    page = FleetPage("127.0.0.1:0", processes, ())
    status, health = asked(page)
    page.close()
    assert status == 503
    assert health == {
        "status": "not_ready",
        "reasons": [f"w-1: {BROKEN}", f"w-1: {CONNECTING}", "w-2: starting"],
        "problems": [f"w-1: {BROKEN}"],
    }
