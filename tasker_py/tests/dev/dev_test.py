"""`tasker dev` as a process: a workflow from nothing to its result, and nothing left behind."""

import os
import re
import select
import signal
import socket
from pathlib import Path

import pytest
from running_dev import PATIENCE, Run


def test_the_first_workflow_gives_69(run: Run) -> None:
    dev = run("--once")
    assert dev.end() == 0, dev.output
    steps = [f"linear_step_{number}" for number in (1, 2, 3, 4)]
    assert re.findall(r"^  (\S+) +complete$", dev.output, re.MULTILINE) == steps
    assert "\nresult: 69\n" in dev.output
    assert dev.processes() == []

    # The data is kept; a context of one's own has a result of its own.
    again = run("--once", "--context", '{"even_number": 10}')
    assert again.end() == 0, again.output
    assert "\nresult: 165\n" in again.output


def test_a_task_that_fails_is_told(run: Run) -> None:
    dev = run("--once", "--context", '{"even_number": 7}')
    assert dev.end() == 1
    assert (
        "linear_step_1           error: attempt 1: even_number must be even, not 7\n" in dev.output
    )
    assert "the task is blocked_by_failures\n" in dev.output
    assert "result" not in dev.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_until_it_is_told_to_stop(run: Run, number: int) -> None:
    dev = run()
    dev.wait_for("stays up until Ctrl-C")
    assert len(dev.processes()) >= 3
    dev.process.send_signal(number)
    assert dev.end() == 0
    assert dev.processes() == []


@pytest.mark.parametrize("phase", ["PostgreSQL", "engine", "Python worker", "task "])
def test_a_stop_in_any_phase_leaves_nothing(run: Run, phase: str) -> None:
    dev = run()
    dev.wait_for(phase)
    dev.process.send_signal(signal.SIGINT)
    assert dev.end() in (0, 130)
    assert dev.processes() == []


def test_a_part_that_ends_ends_everything_and_shows_its_log(run: Run) -> None:
    dev = run()
    dev.wait_for("stays up until Ctrl-C")
    (worker,) = children(dev.process.pid, "tasker_core.worker")
    os.kill(worker, signal.SIGKILL)
    assert dev.end() == 1
    assert "tasker dev: the Python worker ended (SIGKILL); the end of its log, " in dev.output
    assert "session open" in dev.output


def test_a_kill_leaves_nothing(run: Run) -> None:
    dev = run()
    dev.wait_for("stays up until Ctrl-C")
    handles = [os.pidfd_open(pid) for pid in children(dev.process.pid, "")]
    assert len(handles) == 3
    dev.process.kill()
    for handle in handles:
        # Readable when the process has ended.
        assert select.select([handle], [], [], PATIENCE)[0] == [handle]
        os.close(handle)
    dev.end()


def test_a_taken_port_is_told_with_its_owner_and_flag(run: Run, free_ports: list[int]) -> None:
    with socket.create_server(("127.0.0.1", free_ports[0])):
        dev = run("--once")
        assert dev.end() == 1
    assert (
        f"tasker dev: port {free_ports[0]}, for the engine, is taken by process {os.getpid()} ("
        in dev.output
    )
    assert "; choose another with --port, or stop that process\n" in dev.output


def test_a_second_one_on_the_same_folder_is_refused(run: Run) -> None:
    dev = run()
    dev.wait_for("PostgreSQL")
    second = run("--once")
    assert second.end() == 1
    assert f"another `tasker dev`, process {dev.process.pid}, uses " in second.output


def test_an_unknown_template_is_told(run: Run) -> None:
    dev = run("--once", "--task", "linear_workflow_py/nothing")
    assert dev.end() == 1
    assert re.search(
        r"^tasker dev: POST http://\S+/v1/tasks: 404 TEMPLATE_NOT_FOUND: ", dev.output, re.M
    )


def children(parent: int, command: str) -> list[int]:
    """The processes that this one has started, by a part of their commands."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [pid for pid in map(int, listed) if command in Path(f"/proc/{pid}/cmdline").read_text()]
