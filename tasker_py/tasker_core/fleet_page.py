"""The health and metrics port of several worker processes, which ask each process's own."""

import json
import socket
import threading
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Protocol

from tasker_core.metrics import Metrics
from tasker_core.origin import is_loopback, refusal

ASK_SECONDS = 2.0


class Process(Protocol):
    """What the page needs to know of a worker process."""

    @property
    def worker_id(self) -> str:
        """Its name."""

    @property
    def address(self) -> str | None:
        """Where its own port is, as host:port; None while there is none."""

    @property
    def trouble(self) -> str:
        """Why there is none."""

    @property
    def starts(self) -> int:
        """How often it was started."""


class _Server(ThreadingTCPServer):
    # Not http.server's own, which asks the name service for its name.
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)


class FleetPage:
    """Serves `/health`, `/health/ready`, `/health/live` and `/metrics`, from construction on."""

    def __init__(self, bind: str, processes: Sequence[Process], hosts: Sequence[str]) -> None:
        """OSError when the address cannot be had. `hosts` are further names that it is asked by."""
        host, _, port = bind.rpartition(":")
        self._processes = processes
        self._hosts = hosts
        self._any_host = not is_loopback(host)
        self._metrics = Metrics()
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                host, origin = self._only("Host"), self._only("Origin")
                status, kind, body = page.answer(path, host, origin)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _only(self, name: str) -> str | None:
                values = self.headers.get_all(name, [])
                return None if not values else values[0] if len(values) == 1 else ""

            def log_message(self, format: str, *args: object) -> None:
                """Requests are not logged."""

        self._server = _Server(host.strip("[]"), int(port), Handler)
        threading.Thread(target=self._server.serve_forever, name="tasker-page", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it is, as host:port."""
        host, port = self._server.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, host: str | None, origin: str | None) -> tuple[int, str, bytes]:
        """Status, content type and body; the headers are None where there is none."""
        refused = refusal(path, host, origin, hosts=self._hosts, any_host=self._any_host)
        if refused is not None:
            return 403, "application/json", _error(refused.code, refused.message, refused.details)
        if path in ("/health", "/health/ready"):
            told = [_asked_health(process) for process in self._processes]
            reasons = [reason for of_one, _ in told for reason in of_one]
            problems = [problem for _, of_one in told for problem in of_one]
            return (503 if reasons else 200), "application/json", _health(reasons, problems)
        if path == "/health/live":
            return 200, "application/json", _health([], [])
        if path == "/metrics":
            kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
            return 200, kind, self._measured().encode()
        message = "a worker serves /health, /health/ready, /health/live and /metrics"
        return 404, "application/json", _error("NOT_FOUND", message, None)

    def _measured(self) -> str:
        scrapes: dict[tuple[str, int], str] = {}
        for process in self._processes:
            found = _ask(process.address, "/metrics")
            if found is not None and found[0] == 200:
                scrapes[process.worker_id, process.starts] = found[1]
        restarts = sum(max(process.starts - 1, 0) for process in self._processes)
        own = (
            "# HELP tasker_worker_processes Processes that answer.\n"
            "# TYPE tasker_worker_processes gauge\n"
            f"tasker_worker_processes {len(scrapes)}\n"
            "# HELP tasker_worker_process_restarts Processes that were started again.\n"
            "# TYPE tasker_worker_process_restarts counter\n"
            f"tasker_worker_process_restarts_total {restarts}\n"
        )
        return self._metrics.summed(scrapes) + own + "# EOF\n"


def _health(reasons: list[str], problems: list[str]) -> bytes:
    status = "not_ready" if reasons else "ok"
    return json.dumps({"status": status, "reasons": reasons, "problems": problems}).encode()


def _error(code: str, message: str, details: object) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "details": details}}).encode()


def _asked_health(process: Process) -> tuple[list[str], list[str]]:
    """Reasons and problems of a process, with its name before each."""
    found = _ask(process.address, "/health/ready")
    if found is None:
        trouble = "does not answer" if process.address else process.trouble
        return [f"{process.worker_id}: {trouble}"], []
    health = json.loads(found[1])
    reasons, problems = (
        [f"{process.worker_id}: {text}" for text in health[name]]
        for name in ("reasons", "problems")
    )
    return reasons, problems


def _ask(address: str | None, path: str) -> tuple[int, str] | None:
    """Status and body; None when there is no answer."""
    if address is None:
        return None
    # Not urllib, which would go through the proxy that the environment names.
    connection = HTTPConnection(address, timeout=ASK_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
