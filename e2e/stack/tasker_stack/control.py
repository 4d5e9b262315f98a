"""The stack's control: tests kill, freeze and start services over HTTP on loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tasker_stack.driver import Driver
from tasker_stack.service import Changes, Service, ServiceError, StateError

# How soon the server notices that it is to end.
SHUTDOWN_SECONDS = 0.02

ACTIONS = ("kill", "term", "wait", "stop", "cont", "start", "launch")


def act(service: Service, action: str, changes: Changes) -> dict[str, int | None]:
    """Do it, and give what to answer."""
    match action:
        case "kill":
            service.kill()
        case "term":
            service.term()
        case "wait":
            return {"status": service.wait()}
        case "stop":
            service.freeze()
        case "cont":
            service.thaw()
        case "start":
            service.start(changes)
        case "launch":
            service.launch(changes)
    return {"port": service.port}


@contextmanager
def serve_control(driver: Driver) -> Iterator[str]:
    """Serve `POST /services/NAME/ACTION`, `GET /services/NAME/log`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            changes = self._changes()
            match self._service_and_verb():
                case (service, verb) if verb in ACTIONS:
                    try:
                        answer = act(service, verb, changes)
                        self._answer(200, json.dumps(answer).encode())
                    except StateError as error:
                        self._refuse(409, str(error))
                    except ServiceError as error:
                        self._refuse(500, str(error))
                case _:
                    self._refuse(404, f"no such action: POST {self.path}")

        def do_GET(self) -> None:
            match self._service_and_verb():
                case (service, "log"):
                    self._answer(200, service.log().read_bytes(), "text/plain")
                case _:
                    self._refuse(404, f"nothing here: GET {self.path}")

        def _changes(self) -> Changes:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fields = json.loads(body) if body else {}
            return Changes(fields.get("environment", {}), tuple(fields.get("arguments", ())))

        def _service_and_verb(self) -> tuple[Service, str] | None:
            match self.path.split("/"):
                case ["", "services", name, verb] if service := driver.find(name):
                    return service, verb
            return None

        def _refuse(self, status: int, message: str) -> None:
            self._answer(status, json.dumps({"error": message}).encode())

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test's output belongs to the test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(SHUTDOWN_SECONDS,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
