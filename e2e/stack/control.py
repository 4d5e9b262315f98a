"""The stack's control: tests kill, freeze and start services over HTTP on loopback."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from e2e.stack.process_driver import ProcessDriver
from e2e.stack.service import Service, ServiceError, StateError

# How soon the server notices that it is to end.
SHUTDOWN_SECONDS = 0.02

ACTIONS: dict[str, Callable[[Service], object]] = {
    "kill": Service.kill,
    "term": Service.term,
    "stop": Service.freeze,
    "cont": Service.thaw,
    "start": Service.start,
}


@contextmanager
def serve_control(driver: ProcessDriver) -> Iterator[str]:
    """Serve `POST /services/NAME/{kill,term,stop,cont,start}`, `GET /services/NAME/log`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            match self._service_and_verb():
                case (service, verb) if verb in ACTIONS:
                    try:
                        ACTIONS[verb](service)
                        self._answer(200, b"{}")
                    except StateError as error:
                        self._refuse(409, str(error))
                    except ServiceError as error:
                        self._refuse(500, str(error))
                case _:
                    self._refuse(404, f"no such action: POST {self.path}")

        def do_GET(self) -> None:
            match self._service_and_verb():
                case (service, "log"):
                    self._answer(200, service.log.read_bytes(), "text/plain")
                case _:
                    self._refuse(404, f"nothing here: GET {self.path}")

        def _service_and_verb(self) -> tuple[Service, str] | None:
            match self.path.split("/"):
                case ["", "services", name, verb] if name in driver:
                    return driver[name], verb
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
