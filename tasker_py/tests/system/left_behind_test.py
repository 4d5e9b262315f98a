"""What handlers leave behind: processes and threads that outlive their attempts, and the worker."""

import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_system import PATIENCE, TOKEN, System, base, free_ports

from tasker_core.client import TaskerClient, TaskStatus
from tasker_core.dev import readiness
from tasker_core.dev.processes import Service
from tasker_core.errors import DevError

HANDLERS = """
import asyncio, multiprocessing, os, signal, threading, time
from concurrent.futures import ProcessPoolExecutor

from tasker_core.step_handler import step_handler


def stay():
    # For ever, and of no processor: until a signal ends it.
    threading.Event().wait()


@step_handler("MODULE.terminate")
def terminate(task, sequence, step):
    child = multiprocessing.Process(target=stay)
    child.start()
    child.terminate()
    child.join()
    return {"exit_code": child.exitcode}


@step_handler("MODULE.terminate_async")
async def terminate_async(task, sequence, step):
    return terminate(task, sequence, step)


@step_handler("MODULE.give_up")
def give_up(task, sequence, step):
    with multiprocessing.Pool(1) as pool:
        try:
            pool.apply_async(stay).get(0)
        except multiprocessing.TimeoutError:
            return {"given_up": True}


@step_handler("MODULE.leave_thread")
async def leave_thread(task, sequence, step):
    await asyncio.to_thread(stay)


@step_handler("MODULE.start_helper")
def start_helper(task, sequence, step):
    process = multiprocessing.Process(target=stay, daemon=True)
    process.start()
    return {"helper": process.pid}
"""
TEMPLATE = """
name: {name}
namespace_name: {module}
version: 1.0.0
steps:
  - name: step
    handler: {{callable: {module}.{name}}}
    timeout_seconds: {timeout}
    retry: {{max_attempts: 1}}
"""


class Workers:
    """Workers with handlers of their own, whose templates no other worker serves."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        self.module = f"left_{uuid.uuid4().hex[:8]}"
        self.port = free_ports(1)[0]
        self._folder = folder
        self._started: list[Service] = []
        (folder / f"{self.module}.py").write_text(HANDLERS.replace("MODULE", self.module))

    def start(self, name: str, timeout: int = 60, *flags: str) -> Service:
        """A worker that is ready, always at the same port."""
        (self._folder / "step.yaml").write_text(
            TEMPLATE.format(name=name, module=self.module, timeout=timeout)
        )
        worker = Service(
            "worker",
            [sys.executable, "-P", "-m", "tasker_core.worker", *flags],
            self.log,
            environ={
                **base(),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "TASKER_BIND": f"127.0.0.1:{self.port}",
                "TASKER_URL": self.system.url,
                "TASKER_TOKEN": TOKEN,
                "TASKER_HANDLER_PATH": str(self._folder),
                "TASKER_TEMPLATE_PATH": str(self._folder),
                "TASKER_LOG_FORMAT": "console",
            },
        )
        self._started.append(worker)
        worker.wait_until(lambda: readiness.missing(f"http://127.0.0.1:{self.port}"), PATIENCE)
        return worker

    @property
    def log(self) -> Path:
        return self._folder / "worker.log"

    def stop(self) -> None:
        for worker in self._started:
            # With whatever its handlers have forked; nobody is left where all is well.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.stop()


@pytest.fixture
def workers(system: System, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(system, tmp_path)
    yield workers
    workers.stop()


def results(client: TaskerClient, workers: Workers, name: str) -> Any:
    task = client.create_task(workers.module, name, {}, wait=PATIENCE)
    assert task.status is TaskStatus.COMPLETE
    return client.list_steps(task.task_uuid)[0].results


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("terminate", {"exit_code": -signal.SIGTERM}),
        ("terminate_async", {"exit_code": -signal.SIGTERM}),
        ("give_up", {"given_up": True}),
    ],
)
def test_a_process_that_a_handler_forks_ends_by_sigterm(
    client: TaskerClient, workers: Workers, name: str, expected: Any, processes: str
) -> None:
    worker = workers.start(name, 60, f"--processes={processes}")
    assert results(client, workers, name) == expected
    log = workers.log.read_text()
    assert "SIGTERM" not in log
    assert "Traceback" not in log
    worker.stop()
    worker.wait_for_success()


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_thread_that_outlives_its_attempt_does_not_keep_the_worker(
    client: TaskerClient, workers: Workers, processes: str
) -> None:
    worker = workers.start("leave_thread", 1, "--drain-timeout=0.5", f"--processes={processes}")
    task = client.create_task(workers.module, "leave_thread", {}, wait=PATIENCE)
    assert task.status is TaskStatus.BLOCKED_BY_FAILURES
    os.kill(worker.pid, signal.SIGTERM)
    worker.wait_for_success()
    assert "left while these were running: the thread asyncio_0" in workers.log.read_text()


def test_a_process_that_outlives_a_killed_worker_does_not_keep_its_port(
    client: TaskerClient, workers: Workers
) -> None:
    first = workers.start("start_helper")
    helper = results(client, workers, "start_helper")["helper"]
    os.kill(first.pid, signal.SIGKILL)
    with pytest.raises(DevError, match="SIGKILL"):
        first.wait_for_success()
    workers.start("start_helper").stop()
    # It lives yet.
    os.kill(helper, signal.SIGKILL)
