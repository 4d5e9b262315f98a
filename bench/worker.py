"""Measures what the Python worker costs by itself: CPU per step, its start, its drain, the import.

A process of this program's own stands in for the engine at the other end of the worker's session;
CPU is that of the worker's process alone, from a frame's arrival to the outcomes' departure.
"""

import argparse
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha1
from pathlib import Path
from statistics import median
from typing import Any

HANDLERS = """
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import StepHandlerCallResult

class Sync(StepHandlerBase):
    def call(self, task, sequence, step):
        return StepHandlerCallResult.success(results={"result": task.context["n"]})

class Async(StepHandlerBase):
    async def call(self, task, sequence, step):
        return StepHandlerCallResult.success(results={"result": task.context["n"]})

HandlerRegistry.default().register("Sync", Sync)
HandlerRegistry.default().register("Async", Async)
"""
WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Session:
    """The engine's side of a worker's session: text frames of JSON messages."""

    def __init__(self, listener: socket.socket) -> None:
        self._socket, _ = listener.accept()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        key = b""
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"sec-websocket-key":
                key = value.strip()
        accept = b64encode(sha1(key + WEBSOCKET_KEY).digest())
        self._socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.receive()
        self.send([{"welcome": {"protocol": 1, "epoch": 1, "heartbeat_ms": 1000}}])

    def send(self, messages: list[dict[str, Any]]) -> None:
        data = json.dumps(messages).encode()
        if len(data) < 126:
            head = struct.pack("!BB", 0x81, len(data))
        elif len(data) < 1 << 16:
            head = struct.pack("!BBH", 0x81, 126, len(data))
        else:
            head = struct.pack("!BBQ", 0x81, 127, len(data))
        self._socket.sendall(head + data)

    def receive(self) -> list[dict[str, Any]]:
        """The messages of the next text frame; none at the end of the session."""
        while head := self._file.read(2):
            size = head[1] & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._file.read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._file.read(8))
            mask = self._file.read(4)
            data = self._file.read(size)
            if head[0] & 0x0F == 8:
                self._socket.shutdown(socket.SHUT_RDWR)
            elif head[0] & 0x0F == 1:
                stream = (mask * (size // 4 + 1))[:size]
                plain = int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")
                messages = json.loads(plain.to_bytes(size, "big"))
                return messages if isinstance(messages, list) else [messages]
        return []

    def run(self, callable_name: str, steps: int, at_once: int) -> None:
        """Has the worker run so many steps, keeping it as busy as `at_once` allows."""
        sent = done = 0
        accepted: list[dict[str, Any]] = []
        while done < steps:
            free = min(at_once - (sent - done), steps - sent)
            # As an engine does it: what a commit has freed goes out in one frame.
            self.send(accepted + [dispatch(callable_name, sent + number) for number in range(free)])
            sent += free
            ended = [each["outcome"] for each in self.receive() if "outcome" in each]
            done += len(ended)
            names = ("task_uuid", "step_uuid", "attempt")
            accepted = [{"accepted": [{name: each[name] for name in names} for each in ended]}]
        self.send(accepted)


def dispatch(callable_name: str, number: int) -> dict[str, Any]:
    return {
        "dispatch": {
            "task_uuid": str(uuid.uuid4()),
            "step_uuid": str(uuid.uuid4()),
            "attempt": 1,
            "max_attempts": 3,
            "namespace": "bench",
            "name": "noop",
            "version": "1.0.0",
            "step_name": "noop",
            "callable": callable_name,
            "method": "call",
            "configuration": {},
            "idempotency_key": str(uuid.uuid4()),
            "context": {"n": number},
            "results": {"before": {"result": number}},
            "timeout_ms": 30_000,
            "tags": [],
            "correlation_id": str(uuid.uuid4()),
        }
    }


class Worker:
    """A worker's process and its session."""

    def __init__(self, folder: str, slots: int) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._health = f"http://127.0.0.1:{free.getsockname()[1]}/health/ready"
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tasker_core.worker", "handlers", f"--slots={slots}"],
            env={
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "TASKER_HANDLER_PATH": folder,
                "TASKER_BIND": self._health.split("/")[2],
                "TASKER_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
                "LOG_LEVEL": "warning",
            },
        )
        self.session = Session(listener)
        listener.close()
        while not self._is_ready():
            time.sleep(0.001)
        self.ready_after = time.monotonic() - begun

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self._health):
                return True
        except urllib.error.URLError:
            return False

    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / float(os.sysconf("SC_CLK_TCK"))

    def drain(self) -> float:
        """Seconds from SIGTERM to the end of the process."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        while self.session.receive():
            pass
        if self.process.wait() != 0:
            raise SystemExit(f"the worker ended with {self.process.returncode}")
        return time.monotonic() - begun


@contextmanager
def running(folder: str, slots: int = 128) -> Iterator[Worker]:
    worker = Worker(folder, slots)
    try:
        yield worker
    finally:
        worker.process.kill()
        worker.process.wait()


def import_seconds(module: str) -> float:
    program = (
        f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    )
    path = os.pathsep.join(path for path in sys.path if path)
    answer = subprocess.check_output([sys.executable, "-c", program], env={"PYTHONPATH": path})
    return float(answer)


def show(what: str, measure: Callable[[], float], rounds: int, unit: str, scale: float) -> None:
    values = [measure() * scale for _ in range(rounds)]
    print(f"{what:<52}{median(values):8.1f} {unit:<10}(of {rounds}: {min(values):.1f} to "
          f"{max(values):.1f})", flush=True)  # fmt: skip


def main() -> None:
    """Prints the median of several rounds of each measurement."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--steps", type=int, default=20_000, help="steps in a round")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "handlers.py").write_text(HANDLERS)
        with running(folder) as worker:
            for name in ("Sync", "Async"):
                for at_once in (1, 16, 128):
                    worker.session.run(name, 2_000, at_once)

                    def per_step(name: str = name, at_once: int = at_once) -> float:
                        before = worker.cpu()
                        worker.session.run(name, given.steps, at_once)
                        return (worker.cpu() - before) / int(given.steps)

                    what = f"{name.lower()} no-op handler, {at_once} at once"
                    show(what, per_step, given.rounds, "µs CPU", 1e6)

        def start() -> float:
            with running(folder) as worker:
                return worker.ready_after

        def drain() -> float:
            with running(folder) as worker:
                return worker.drain()

        show("worker start to ready", start, given.rounds, "ms", 1e3)
        show("drain of an idle worker", drain, given.rounds, "ms", 1e3)
    for module in ("tasker_core", "tasker_core.types", "tasker_core.step_handler"):
        show(f"import {module}", partial(import_seconds, module), given.rounds, "ms", 1e3)


if __name__ == "__main__":
    main()
