"""`tasker dev` as a process: a workflow from nothing to its result, and nothing left behind."""

import os
import re
import select
import signal
import socket
from pathlib import Path

import pytest
from running_dev import PATIENCE, Run

ORDERS = """
from tasker_core.step_handler import step_handler

@step_handler("orders.price")
def price(task, sequence, step):
    return {"result": step.configuration["price"]}
"""
ORDER = """
name: order
namespace_name: shop
version: 1.0.0
steps:
  - name: price
    handler: {callable: orders.price, initialization: {price: 11}}
environments:
  test:
    steps:
      - {name: price, handler: {initialization: {price: 12}}}
"""


def test_the_first_workflow_gives_69(run: Run, tmp_path: Path) -> None:
    dev = run("--once")
    assert dev.end() == 0, dev.output
    steps = [f"linear_step_{number}" for number in (1, 2, 3, 4)]
    assert re.findall(r"^  (\S+) +complete$", dev.output, re.MULTILINE) == steps
    assert "\nresult: 69\n" in dev.output
    assert dev.processes() == []

    # The data is kept; a context of one's own has a result of its own.
    context = tmp_path / "ten.json"
    context.write_text('{"even_number": 10}')
    again = run("--once", "--context", f"@{context}")
    assert again.end() == 0, again.output
    assert "\nresult: 165\n" in again.output


def test_a_task_that_fails_is_told(run: Run) -> None:
    dev = run("--once", "--context", '{"even_number": 7}')
    assert dev.end() == 1
    assert (
        "linear_step_1           error: attempt 1: PermanentError: even_number must be even, not 7"
        in dev.output
    )
    assert re.search(r"not 7 \(\S+/numeric_steps/__init__\.py:\d+\)$", dev.output, re.M)
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


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("--context", "{"), "not JSON"),
        (("--context", "[NaN]"), "not JSON"),
        (("--context", "@nothing.json"), "nothing.json cannot be read: No such file"),
        (("--task", "a/b/c"), "'a/b/c' is not NAMESPACE/NAME"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, args: tuple[str, ...], reason: str) -> None:
    dev = run(*args)
    assert dev.end() == 2
    assert reason in dev.output


def test_variables_count_or_it_says_so(run: Run) -> None:
    dev = run(
        "--once",
        TASKER_URL="http://engine.example.test",
        TASKER_TOKEN="secret",
        TASKER_URLL="x",
        TASKER_IDEMPOTENCY_DAYS="3",
    )
    assert dev.end() == 0, dev.output
    assert (
        "tasker dev: not used: TASKER_TOKEN, TASKER_URL, as `tasker dev` brings up an engine and a "
        "worker of its own\n"
    ) in dev.output
    assert (
        "tasker dev: the environment variable TASKER_URLL is unknown and has no effect; "
        "did you mean TASKER_URL?\n"
    ) in dev.output


def test_a_variable_of_the_engine_that_is_wrong_is_told(run: Run) -> None:
    dev = run("--once", TASKER_RETENTION_DAYS="many")
    assert dev.end() == 1
    assert "tasker dev: the engine ended (exit code 2); " in dev.output
    assert "TASKER_RETENTION_DAYS is a whole number from 1 to " in dev.output


@pytest.mark.parametrize(("environment", "result"), [("test", 12), ("development", 11)])
def test_the_environment_is_that_of_the_variable(
    run: Run, tmp_path: Path, environment: str, result: int
) -> None:
    (tmp_path / "orders.py").write_text(ORDERS)
    (tmp_path / "order.yaml").write_text(ORDER)
    dev = run(
        *("--once", "--task", "shop/order", "--context", "{}"),
        TASKER_HANDLER_PATH=str(tmp_path),
        TASKER_TEMPLATE_PATH=str(tmp_path),
        TASKER_ENV=environment,
    )
    assert dev.end() == 0, dev.output
    assert f"\nresult: {result}\n" in dev.output


def test_content_that_replaces_other_content_is_logged(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(ORDERS)
    shop = {"TASKER_HANDLER_PATH": str(tmp_path), "TASKER_TEMPLATE_PATH": str(tmp_path)}
    for price in (21, 22):
        (tmp_path / "order.yaml").write_text(ORDER.replace("price: 11", f"price: {price}"))
        dev = run("--once", "--task", "shop/order", "--context", "{}", **shop)
        assert dev.end() == 0, dev.output
        assert f"\nresult: {price}\n" in dev.output
    log = (dev.folder / "dev/logs/engine.log").read_text()
    assert "template shop/order 1.0.0 has other content from now on" in log


def test_a_failure_is_in_the_workers_log_with_its_traceback(run: Run) -> None:
    dev = run("--once", "--context", '{"even_number": 7}')
    assert dev.end() == 1
    log = (dev.folder / "dev/logs/python-worker.log").read_text()
    (line,) = (line for line in log.splitlines() if "attempt 1 of linear_step_1 failed" in line)
    assert " ERROR tasker_core.executor: " in line
    assert "PermanentError: even_number must be even, not 7 [task_uuid=" in line
    assert "\n    Traceback (most recent call last):\n" in log


def children(parent: int, command: str) -> list[int]:
    """The processes that this one has started, by a part of their commands."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [pid for pid in map(int, listed) if command in Path(f"/proc/{pid}/cmdline").read_text()]
