"""The process driver and its control, on small services that are Python programs."""

import http.client
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tasker_stack import service
from tasker_stack.compose import Compose, ComposeError
from tasker_stack.control import serve_control
from tasker_stack.process import Program
from tasker_stack.process_driver import ProcessDriver
from tasker_stack.service import ServiceError

# Healthy while it runs; says when it starts, when it is asked to stop, and what variables it sees.
WELL_BEHAVED = """
import http.server, os, signal, sys
def end(*_):
    print("stopping", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
print("started with", os.environ["GREETING"], *sys.argv[1:], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
DEAF = WELL_BEHAVED.replace(
    "signal.signal(signal.SIGTERM, end)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
)
BROKEN = "import sys; sys.exit('no database')"
SICK = WELL_BEHAVED.replace("200", "503")
# Ends as soon as it has been asked for its health.
MORTAL = WELL_BEHAVED.replace("self.end_headers()", "self.end_headers(), os._exit(7)")
# Leaves a process of a session of its own behind.
FORGETFUL = (
    """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
"""
    + WELL_BEHAVED
)


# What an action answers about a service that publishes no port.
NO_PORT = '{"port": null}'


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def driver_of(folder: Path, sources: dict[str, str]) -> ProcessDriver:
    services = {}
    for name in sources:
        port = free_port()
        services[name] = {
            "image": "none",
            "environment": {"PORT": str(port), "GREETING": "${GREETING:-none}"},
            "healthcheck": {
                "test": ["CMD", "curl", "-f", f"http://127.0.0.1:{port}/health"],
                "interval": "100ms",
                "timeout": "2s",
                "retries": 20,
            },
        }
    compose = Compose.model_validate({"services": services})
    programs = {name: Program((sys.executable, "-c", source)) for name, source in sources.items()}
    variables = {"GREETING": "hello"}
    return ProcessDriver(
        compose, list(sources), programs, variables, {"PATH": os.environ["PATH"]}, folder
    )


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[ProcessDriver]:
    driver = driver_of(tmp_path, {"worker": WELL_BEHAVED})
    driver.start()
    yield driver
    assert driver.stop() == []


def log_of(driver: ProcessDriver, name: str) -> str:
    found = driver.find(name)
    assert found
    return found.log().read_text()


def call(url: str, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request(method, path, body)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_services_start_and_stop_cleanly(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, {"engine": WELL_BEHAVED, "worker": WELL_BEHAVED})
    assert list(driver.start()) == ["engine", "worker"]
    assert driver.stop() == []
    for name in ("engine", "worker"):
        log = (tmp_path / f"{name}.log").read_text()
        assert log == "started with hello\nstopping\n"


def test_a_service_that_fails_to_start_is_reported_with_its_log(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, {"engine": BROKEN, "worker": WELL_BEHAVED})
    with pytest.raises(ServiceError) as caught:
        driver.start()
    assert str(caught.value) == (
        f"engine did not start, ended with status 1; the end of {tmp_path}/engine.log:\n"
        "    no database"
    )
    assert not (tmp_path / "worker.log").exists()
    assert driver.stop() == []


def test_a_service_that_ends_by_itself_later_is_reported(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, {"engine": MORTAL})
    driver.start()
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    (problem,) = driver.stop()
    assert problem == (
        f"engine ended by itself, ended with status 7; the end of {tmp_path}/engine.log:\n"
        "    started with hello"
    )


def test_a_service_that_is_never_healthy_is_reported_with_the_reason(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, {"engine": SICK})
    with pytest.raises(ServiceError, match=r"engine is not healthy after 2 s \(.* answers 503"):
        driver.start()
    assert driver.stop() == []


def test_a_service_that_does_not_stop_is_killed_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STOP_SECONDS", 0.2)
    driver = driver_of(tmp_path, {"engine": DEAF})
    driver.start()
    (problem,) = driver.stop()
    assert problem.startswith("engine did not stop within 0 s and was killed")


def test_a_process_that_outlives_its_service_is_killed_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasker_stack.process_driver.STOP_SECONDS", 0.2)
    driver = driver_of(tmp_path, {"engine": FORGETFUL})
    driver.start()
    (problem,) = driver.stop()
    assert problem.endswith("outlived the service that started it")
    assert "signal.pause()" in problem


def test_a_kill_reaches_a_process_of_a_session_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasker_stack.process_driver.STOP_SECONDS", 0.2)
    driver = driver_of(tmp_path, {"engine": FORGETFUL})
    driver.start()
    engine = driver.find("engine")
    assert engine
    engine.kill()
    assert driver.stop() == []


def test_a_health_check_of_another_form_is_refused(tmp_path: Path) -> None:
    check = {"test": ["NONE"], "interval": "1s", "timeout": "1s", "retries": 1}
    engine = {"image": "none", "environment": {}, "healthcheck": check}
    compose = Compose.model_validate({"services": {"engine": engine}})
    program = {"engine": Program(("true",))}
    with pytest.raises(ComposeError, match=r"services.engine.healthcheck.test: \['NONE'\]"):
        ProcessDriver(compose, ["engine"], program, {}, {}, tmp_path)


def test_a_killed_service_can_be_started_again(worker: ProcessDriver) -> None:
    with serve_control(worker) as url:
        assert call(url, "POST", "/services/worker/kill") == (200, NO_PORT)
        assert call(url, "POST", "/services/worker/start") == (200, NO_PORT)
        status, log = call(url, "GET", "/services/worker/log")
    assert (status, log) == (200, "started with hello\nstarted with hello\n")


def test_a_start_waits_for_the_end_of_the_process_before(worker: ProcessDriver) -> None:
    with serve_control(worker) as url:
        assert call(url, "POST", "/services/worker/term") == (200, NO_PORT)
        assert call(url, "POST", "/services/worker/start") == (200, NO_PORT)
    assert log_of(worker, "worker") == "started with hello\nstopping\nstarted with hello\n"


def test_a_service_is_started_otherwise_when_asked(worker: ProcessDriver) -> None:
    with serve_control(worker) as url:
        assert call(url, "POST", "/services/worker/term") == (200, NO_PORT)
        assert call(url, "POST", "/services/worker/wait") == (200, '{"status": 0}')
        changes = {"environment": {"GREETING": "good day"}, "arguments": ["--quietly"]}
        started = call(url, "POST", "/services/worker/start", json.dumps(changes))
        assert started == (200, NO_PORT)
        assert call(url, "POST", "/services/worker/kill") == (200, NO_PORT)
        assert call(url, "POST", "/services/worker/wait") == (200, '{"status": -9}')
        assert call(url, "POST", "/services/worker/start") == (200, NO_PORT)
    assert log_of(worker, "worker") == (
        "started with hello\nstopping\nstarted with good day --quietly\nstarted with hello\n"
    )


def test_a_service_can_be_launched_that_does_not_become_healthy(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, {"worker": SICK})
    with serve_control(driver) as url:
        assert call(url, "POST", "/services/worker/launch") == (200, NO_PORT)
        assert call(url, "POST", "/services/worker/kill") == (200, NO_PORT)
    assert driver.stop() == []


def test_a_worker_may_have_further_processes_of_their_own_name_and_port(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PORT": "${PYTHON_WORKER_BIND:-0.0.0.0:8081}",
        "GREETING": "${PYTHON_WORKER_ID:-python-worker}",
    }
    check = {
        "test": ["CMD", "curl", "-f", "http://${PYTHON_WORKER_BIND:-0.0.0.0:8081}/health"],
        "interval": "100ms",
        "timeout": "2s",
        "retries": 20,
    }
    worker = {
        "image": "none",
        "environment": environment,
        "healthcheck": check,
        "ports": [f"{port}:8081"],
    }
    compose = Compose.model_validate({"services": {"python-worker": worker}})
    source = WELL_BEHAVED.replace('os.environ["PORT"]', 'os.environ["PORT"].rpartition(":")[2]')
    programs = {"python-worker": Program((sys.executable, "-c", source))}
    variables = {"PYTHON_WORKER_BIND": f"127.0.0.1:{port}"}
    driver = ProcessDriver(compose, ["python-worker"], programs, variables, {}, tmp_path)
    assert list(driver.start()) == ["python-worker"]
    with serve_control(driver) as url:
        for number in (2, 3):
            expected = json.dumps({"port": port + 100 * (number - 1)})
            path = f"/services/python-worker-{number}/start"
            assert call(url, "POST", path) == (200, expected)
        assert call(url, "POST", "/services/python-worker-1/start")[0] == 404
        assert call(url, "POST", "/services/python-worker-10/start")[0] == 404
    assert driver.stop() == []
    assert log_of(driver, "python-worker") == "started with python-worker\nstopping\n"
    assert log_of(driver, "python-worker-2") == "started with python-worker-2\nstopping\n"
    assert log_of(driver, "python-worker-3") == "started with python-worker-3\nstopping\n"


def child_states() -> list[str]:
    """As in proc(5): T is stopped by a signal."""
    children = Path("/proc/thread-self/children").read_text().split()
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in children]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


def test_a_service_can_be_frozen_and_thawed(worker: ProcessDriver) -> None:
    with serve_control(worker) as url:
        assert call(url, "POST", "/services/worker/stop") == (200, NO_PORT)
        os.waitid(os.P_ALL, 0, os.WSTOPPED | os.WNOWAIT)
        assert child_states() == ["T"]
        assert call(url, "POST", "/services/worker/cont") == (200, NO_PORT)
        os.waitid(os.P_ALL, 0, os.WCONTINUED | os.WNOWAIT)
        assert child_states() != ["T"]


def test_a_frozen_service_is_stopped_at_the_end(worker: ProcessDriver) -> None:
    with serve_control(worker) as url:
        assert call(url, "POST", "/services/worker/stop") == (200, NO_PORT)


def test_a_service_that_is_to_end_by_itself_may(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, {"worker": MORTAL})
    driver.start()
    with serve_control(driver) as url:
        assert call(url, "POST", "/services/worker/wait") == (200, '{"status": 7}')
    assert driver.stop() == []


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/services/worker/start", 409, "worker runs already"),
        ("/services/worker-2/start", 404, "no such action: POST /services/worker-2/start"),
        ("/services/worker/explode", 404, "no such action: POST /services/worker/explode"),
        ("/services/other/kill", 404, "no such action: POST /services/other/kill"),
    ],
)
def test_what_cannot_be_done_is_refused(
    worker: ProcessDriver, path: str, status: int, error: str
) -> None:
    with serve_control(worker) as url:
        answer = call(url, "POST", path)
    assert (answer[0], json.loads(answer[1])) == (status, {"error": error})
