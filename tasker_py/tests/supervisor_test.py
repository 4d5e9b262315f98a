"""`--processes`: one port, processes that are restarted, signals passed on, one common end."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasker_core.lifeline import LEFT
from tasker_core.settings import WorkerSettings
from tasker_core.supervisor import Child, Supervisor

PATIENCE = 30.0


class Fleet:
    """A parent with two workers, whose log is read line by line."""

    def __init__(self, folder: Path, **environ: str) -> None:
        # An engine that never answers: a connection to it is a sign that a process has started.
        self._engine = socket.create_server(("127.0.0.1", 0))
        self._engine.settimeout(PATIENCE)
        self._connections: list[socket.socket] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tasker_core.worker", "noting", "--processes=2"],
            env={
                "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)]),
                "TASKER_URL": f"http://127.0.0.1:{self._engine.getsockname()[1]}",
                "TASKER_BIND": "127.0.0.1:0",
                "TASKER_HOSTS": "fleet.test",
                "WORKER_ID": "w",
                "TASKER_LOG_FORMAT": "console",
                **environ,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        self._guard = threading.Timer(PATIENCE, self.process.kill)
        self._guard.start()
        self.log = ""
        self.url = self.wait_for(r"runs 2 processes, health on (http://\S+)/health")[1]

    def wait_for(self, pattern: str) -> re.Match[str]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} is not in the log:\n{self.log}")

    def children(self, count: int) -> dict[str, int]:
        """The ids of so many processes, by their workers' names, as they tell them."""
        found = {}
        for _ in range(count):
            told = self.wait_for(r"started (\S+) as process (\d+)")
            found[told[1]] = int(told[2])
        return found

    def accept(self, count: int) -> None:
        """Waits for so many connections."""
        for _ in range(count):
            self._connections.append(self._engine.accept()[0])

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def end(self) -> int:
        _, rest = self.process.communicate()
        self.log += rest
        return self.process.returncode

    def close(self) -> None:
        self._guard.cancel()
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        for connection in [self._engine, *self._connections]:
            connection.close()


NOTING = """
import logging, os, sys
name = [flag for flag in sys.argv if flag.startswith('--worker-id=')][0][12:]
logging.getLogger('noting').warning('started %s as process %d', name, os.getpid())
"""
FORKING = """
import multiprocessing, time
helper = multiprocessing.Process(target=time.sleep, args=[600], daemon=True)
helper.start()
logging.getLogger('noting').warning('the helper of %s is process %d', name, helper.pid)
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    (tmp_path / "noting.py").write_text(NOTING)
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_processes_have_names_of_their_own_and_end_with_the_parent(
    fleet: Fleet, number: int
) -> None:
    children = fleet.children(2)
    assert set(children) == {"w-1", "w-2"}
    assert fleet.process.pid not in children.values()
    fleet.accept(2)
    fleet.process.send_signal(number)
    assert fleet.end() == 0
    assert all(is_gone(child) for child in children.values())
    assert fleet.log.count(f"{signal.Signals(number).name} was received") == 3


def test_one_port_shows_the_health_and_the_metrics_of_all(fleet: Fleet) -> None:
    fleet.children(2)
    fleet.accept(2)
    status, body = fleet.get("/health")
    assert status == 503
    health = json.loads(body)
    assert [reason[:3] for reason in health["reasons"]] == ["w-1", "w-2"]
    assert health["problems"] == []
    assert fleet.get("/health/live")[0] == 200
    status, body = fleet.get("/metrics")
    assert status == 200
    for line in (
        "tasker_worker_processes 2",
        "tasker_worker_process_restarts_total 0",
        'tasker_worker_session{state="connecting"} 2',
        "tasker_worker_attempts_held 0",
    ):
        assert line in body.splitlines()
    assert body.count("# TYPE tasker_worker_session gauge") == 1
    assert body.endswith("# EOF\n")
    assert fleet.get("/nonsense")[0] == 404


def test_the_port_refuses_web_pages_and_names_that_are_not_its_own(fleet: Fleet) -> None:
    for path in ("/health", "/health/ready", "/health/live", "/metrics", "/nonsense"):
        status, body = fleet.get(path, Origin="http://example.test")
        assert (status, json.loads(body)["error"]["code"]) == (403, "ORIGIN_REFUSED")
        status, body = fleet.get(path, Host="rebound.example.test")
        if path.startswith("/health"):
            assert status == (200 if path == "/health/live" else 503)
        else:
            assert (status, json.loads(body)["error"]["code"]) == (403, "HOST_REFUSED")
    assert fleet.get("/metrics", Host="fleet.test:8081")[0] == 200


def test_a_process_that_dies_is_started_again(fleet: Fleet) -> None:
    first = fleet.children(2)
    fleet.accept(2)
    os.kill(first["w-2"], signal.SIGKILL)
    fleet.wait_for(r"the process w-2 was ended by SIGKILL, and is started again after 0.1 s")
    (again,) = fleet.children(1).items()
    assert again[0] == "w-2"
    assert again[1] != first["w-2"]
    fleet.accept(1)
    assert "tasker_worker_process_restarts_total 1" in fleet.get("/metrics")[1].splitlines()
    fleet.process.terminate()
    assert fleet.end() == 0


def test_a_process_that_dies_is_started_again_while_one_that_it_forked_lives(
    tmp_path: Path,
) -> None:
    (tmp_path / "noting.py").write_text(NOTING + FORKING)
    fleet = Fleet(tmp_path)
    try:
        told = fleet.wait_for(r"the helper of (\S+) is process (\d+)")
        first, helper = told[1], int(told[2])
        process = re.search(rf"started {first} as process (\d+)", fleet.log)
        assert process is not None
        os.kill(int(process[1]), signal.SIGKILL)
        fleet.wait_for(rf"the process {first} was ended by SIGKILL")
        fleet.wait_for(rf"started {first} as process")
        assert not is_gone(helper)
        os.kill(helper, signal.SIGKILL)
        fleet.process.terminate()
        assert fleet.end() == 0, fleet.log
    finally:
        fleet.close()


STAYING = """
import time
while True:
    time.sleep(0.01)
"""


def test_a_process_that_is_told_to_stop_while_it_imports_is_not_started_again(
    tmp_path: Path,
) -> None:
    (tmp_path / "noting.py").write_text(NOTING + STAYING)
    fleet = Fleet(tmp_path)
    try:
        for child in fleet.children(2).values():
            os.kill(child, signal.SIGTERM)
        # By itself, once none is left.
        assert fleet.end() == 0, fleet.log
        assert "is started again" not in fleet.log
    finally:
        fleet.close()


def test_the_proxy_of_the_environment_is_not_asked_for_the_processes(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        fleet = Fleet(tmp_path, HTTP_PROXY=address, http_proxy=address)
        try:
            fleet.children(2)
            fleet.accept(2)
            reasons = json.loads(fleet.get("/health")[1])["reasons"]
            assert ["no session" in reason or "connecting" in reason for reason in reasons] == [
                True,
                True,
            ]
            assert "tasker_worker_processes 2" in fleet.get("/metrics")[1].splitlines()
            proxy.setblocking(False)
            with pytest.raises(BlockingIOError):
                proxy.accept()
        finally:
            fleet.close()


def test_processes_leave_when_their_parent_is_killed(fleet: Fleet) -> None:
    fleet.children(2)
    fleet.accept(2)
    fleet.process.kill()
    # The end of the log is that of the last process that could write to it.
    fleet.end()
    assert fleet.log.count("stopped") == 2


def test_a_taken_port_is_named_with_the_setting_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "-m", "tasker_core.worker", "--processes=2", f"--bind={address}"],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert ended.returncode == 1
    assert f"cannot listen on {address} for the health page" in ended.stderr
    assert "TASKER_BIND or --bind names another" in ended.stderr


def test_a_process_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[list[str]] = []
    start = subprocess.Popen

    def limited(program: list[str], **options: Any) -> Any:
        tries.append(program)
        if len(tries) == 1:
            raise BlockingIOError(errno.EAGAIN, "no more processes")
        (line,) = options["pass_fds"]
        said = f"import os; os.write({line}, b'{LEFT}\\n')"
        return start([sys.executable, "-c", said], **options)

    monkeypatch.setattr(subprocess, "Popen", limited)
    child = Child("w-1", [])
    Supervisor(WorkerSettings(), [])._keep(child)
    assert (len(tries), child.starts, child.exit_code) == (2, 2, 0)
    assert [record.getMessage() for record in caplog.records] == [
        f"the process w-1 cannot be started: [Errno {errno.EAGAIN}] no more processes",
        f"the process w-1 ended with exit code {os.EX_OSERR}, and is started again after 0.1 s",
    ]
