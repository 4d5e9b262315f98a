"""Children end when they are told to, and when their parent dies."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasker_core.dev.processes import Service
from tasker_core.errors import DevError

PARENT = """
import os, sys, time
from pathlib import Path
from tasker_core.dev.processes import Service
service = Service("child", ["sleep", "600"], Path(sys.argv[1]), environ=os.environ)
print(service.pid, flush=True)
time.sleep(600)
"""


def start(folder: Path, script: str) -> Service:
    return Service("the child", ["sh", "-c", script], folder / "log", environ=os.environ)


def read(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def test_a_child_is_told_to_stop(tmp_path: Path) -> None:
    child = start(
        tmp_path, "trap 'echo stopping; exit 0' TERM; echo up; while :; do sleep 600 & wait; done"
    )
    child.wait_until(lambda: "" if read(tmp_path / "log") == "up\n" else "the word", 20)
    assert child.is_running()
    child.stop()
    assert not child.is_running()
    assert read(tmp_path / "log") == "up\nstopping\n"


def test_a_child_that_ends_before_it_is_ready_is_told_with_its_log(tmp_path: Path) -> None:
    child = start(tmp_path, "echo one; echo two >&2; exit 3")
    with pytest.raises(DevError) as raised:
        child.wait_until(lambda: "its word", 20)
    assert str(raised.value) == (
        f"the child ended (exit code 3); the end of its log, {tmp_path}/log:\n    one\n    two"
    )


def test_a_child_that_is_never_ready_is_told(tmp_path: Path) -> None:
    child = start(tmp_path, "exec sleep 600")
    with pytest.raises(
        DevError, match=r"the child was not ready after 0.05 s: its word; its log, .* is empty"
    ):
        child.wait_until(lambda: "its word", 0.05)
    child.kill()
    with pytest.raises(DevError, match=r"the child ended \(SIGKILL\)"):
        raise child.ended()


def test_a_failure_is_told_and_a_success_is_not(tmp_path: Path) -> None:
    start(tmp_path, "exit 0").wait_for_success()
    with pytest.raises(DevError, match=r"the child ended \(exit code 7\)"):
        start(tmp_path, "exit 7").wait_for_success()


def test_a_child_has_a_process_group_of_its_own(tmp_path: Path) -> None:
    child = start(tmp_path, "exec sleep 600")
    assert os.getpgid(child.pid) == child.pid
    child.kill()
    child.stop()


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        # Readable when the process has ended.
        assert select.select([child], [], [], 20)[0] == [child]
        os.close(child)
