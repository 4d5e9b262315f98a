"""`tasker run` with a real engine."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from running_system import PATIENCE, System, Tasker, free_ports
from samples import TASK, TASK_UUID

from tasker_core.client import TaskerClient

LINEAR = "linear_workflow_py/mathematical_sequence_py"
BLOCKED = "error_testing_py/permanent_error_only_py"
SIX = '{"even_number": 6}'
STEPS = [f"  linear_step_{number}           complete" for number in (1, 2, 3, 4)]


def test_a_task_is_created(tasker: Tasker, client: TaskerClient) -> None:
    told = tasker(
        *("run", LINEAR, "--context", SIX, "--tag", "a", "--tag", "b", "--priority", "3"),
        *("--version", "1.0.0", "--correlation-id", "c", "--initiator", "ada", "--reason", "r"),
    )
    word, task_uuid = told.stdout.split()
    task = client.get_task(task_uuid)
    assert word == "task"
    assert (task.tags, task.priority, task.correlation_id) == (("a", "b"), 3, "c")
    assert (task.initiator, task.reason, task.context) == ("ada", "r", {"even_number": 6})


def test_follow_shows_steps_and_result(tasker: Tasker) -> None:
    lines = tasker("run", LINEAR, "--context", SIX, "--follow").stdout.splitlines()
    assert lines[0].startswith("task ")
    assert lines[1:] == [*STEPS, "result: 69"]


def test_wait_shows_the_result(tasker: Tasker) -> None:
    lines = tasker("run", LINEAR, "--context", SIX, "--wait").stdout.splitlines()
    assert lines[1:] == ["result: 69"]


def test_json_is_the_apis(tasker: Tasker, client: TaskerClient) -> None:
    text = f'{{"even_number": 6, "big": {6**64}, "small": 1e-7}}'
    task = json.loads(tasker("run", LINEAR, "--context", text, "--wait", "--json").stdout)
    assert task["context"] == {"even_number": 6, "big": 6**64, "small": 1e-7}
    assert task == client.get_task(task["task_uuid"]).raw
    created = json.loads(tasker("run", LINEAR, "--context", SIX, "--json").stdout)
    assert created["namespace"] == "linear_workflow_py"


def test_followed_as_json_is_a_line_for_each_event(tasker: Tasker, client: TaskerClient) -> None:
    told = tasker("run", LINEAR, "--context", SIX, "--follow", "--json").stdout
    created, *events, ended = map(json.loads, told.splitlines())
    assert created["task_uuid"] == ended["task_uuid"]
    assert ended["status"] == "complete"
    assert events == [event.raw for event in client.follow(created["task_uuid"])]


def test_a_task_that_does_not_succeed_is_exit_code_1(tasker: Tasker) -> None:
    lines = tasker("run", BLOCKED, "--follow", code=1).stdout.splitlines()
    failure = "error: attempt 1: PermanentError: the payment method is not valid ("
    assert lines[1].startswith(f"  permanent_error_step    {failure}")
    assert lines[2] == "the task is blocked_by_failures"
    assert "permanent_error_step" in lines[3]
    told = tasker("run", BLOCKED, "--wait", "--json", code=1).stdout
    assert json.loads(told)["status"] == "blocked_by_failures"
    # Without waiting there is nothing that could fail.
    tasker("run", BLOCKED)


def test_the_context_may_be_a_file(tasker: Tasker, tmp_path: Path, system: System) -> None:
    file = tmp_path / "context.json"
    file.write_text(SIX)
    assert "result: 69" in tasker("run", LINEAR, "--context", f"@{file}", "--wait").stdout
    piped = subprocess.run(
        [sys.executable, "-m", "tasker_core.cli", "run", LINEAR, "--context", "@-", "--wait"],
        env=system.environ,
        input=SIX,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "result: 69" in piped.stdout


def test_a_key_gives_the_same_task(tasker: Tasker) -> None:
    same = ("run", LINEAR, "--idempotency-key", "of-the-command-line", "--context")
    assert tasker(*same, SIX).stdout == tasker(*same, SIX).stdout
    other = tasker(*same, '{"even_number": 8}', code=3).stderr
    assert "409 IDEMPOTENCY_CONFLICT" in other


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((LINEAR, "--context", "{"), "not JSON"),
        ((LINEAR, "--context", '{"x": 1} {'), "not JSON"),
        ((LINEAR, "--context", "[NaN]"), "not JSON"),
        ((LINEAR, "--context", "@nothing.json"), "nothing.json cannot be read: No such file"),
        (("linear_workflow_py",), "'linear_workflow_py' is not NAMESPACE/NAME"),
        (("a/b/c",), "'a/b/c' is not NAMESPACE/NAME"),
        ((), "Missing argument"),
        ((LINEAR, "--priority", "101"), "Invalid value for '--priority'"),
        ((LINEAR, "--url", "nowhere"), "'nowhere' is not the URL of an engine"),
    ],
)
def test_wrong_usage_is_exit_code_2(tasker: Tasker, args: tuple[str, ...], reason: str) -> None:
    assert reason in tasker("run", *args, code=2).stderr


def test_an_unknown_workflow_is_told_with_the_nearest(tasker: Tasker) -> None:
    told = tasker("run", "linear_workflow_py/mathematical_sequence", code=3)
    assert told.stdout == ""
    (line,) = told.stderr.splitlines()
    assert "404 TEMPLATE_NOT_FOUND: " in line
    assert "linear_workflow_py/mathematical_sequence_py" in line


def test_no_engine_is_exit_code_4(tasker: Tasker) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    (line,) = tasker("run", LINEAR, "--url", url, code=4).stderr.splitlines()
    assert line.startswith(f"tasker: POST {url}/v1/tasks: no engine can be reached at {url}: ")


def test_a_wrong_token_is_told(tasker: Tasker) -> None:
    (line,) = tasker("run", LINEAR, "--token", "wrong", code=3).stderr.splitlines()
    assert "401 UNAUTHORIZED: " in line
    tasker("run", LINEAR, code=3, TASKER_TOKEN="wrong")


@pytest.mark.parametrize("option", ["--follow", "--wait"])
def test_ctrl_c_is_exit_code_130_without_a_traceback(system: System, option: str) -> None:
    body = json.dumps({**TASK, "status": "pending"}).encode()
    created = b"HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n" + body
    command = [sys.executable, "-m", "tasker_core.cli", "run", LINEAR, option]
    with socket.create_server(("127.0.0.1", 0)) as engine:
        engine.settimeout(PATIENCE)
        environ = {**system.environ, "TASKER_URL": f"http://127.0.0.1:{engine.getsockname()[1]}"}
        process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with engine.accept()[0] as connection:
            while b'"context"' not in connection.recv(65536):
                pass
            connection.sendall(created)
        # It waits for an answer that does not come whole.
        with process, engine.accept()[0] as connection:
            assert connection.recv(65536)
            process.send_signal(signal.SIGINT)
            # For a signal that came just before it began to wait: Python sees it when bytes come.
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (130, "")
    assert stdout == f"task {TASK_UUID}\n"


def test_on_a_terminal_the_steps_are_shown_live(system: System) -> None:
    terminal, their_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tasker_core.cli", "run", LINEAR, "--follow", "--context", SIX],
        env={**system.environ, "TERM": "xterm"},
        stdin=their_end,
        stdout=their_end,
        stderr=their_end,
    ) as process:
        os.close(their_end)
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                # The other end is closed.
                break
    os.close(terminal)
    assert process.returncode == 0
    text = shown.decode()
    assert "\x1b[" in text
    assert "4 complete" in text
    assert text.rstrip().endswith("result: 69")
