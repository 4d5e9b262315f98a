"""`tasker task`, `tasker step`, `tasker workers` with a real engine."""

import json
import re

import pytest
from running_system import System, Tasker, free_ports

from tasker_core.client import Step, Task, TaskerClient

LINEAR = ("linear_workflow_py", "mathematical_sequence_py")
BLOCKED = ("error_testing_py", "permanent_error_only_py")
FLAKY = ("error_testing_py", "retry_then_succeed_py")
NO_TASK = "00000000-0000-0000-0000-000000000000"
WHY = ("--reason", "it is paid")


@pytest.fixture
def done(client: TaskerClient) -> Task:
    return client.create_task(*LINEAR, {"even_number": 6}, tags=["done"], wait=60)


@pytest.fixture
def blocked(client: TaskerClient) -> Task:
    return client.create_task(*BLOCKED, {}, wait=60)


def only_step(client: TaskerClient, task: Task) -> Step:
    (step,) = client.list_steps(task.task_uuid)
    return client.get_step(task.task_uuid, step.step_uuid)


def test_tasks_are_listed(tasker: Tasker, done: Task) -> None:
    head, row, *more = tasker("task", "list", "--tag", "done", "--limit", 1).stdout.splitlines()
    assert head.split() == ["TASK", "WORKFLOW", "STATUS", "DONE", "CREATED"]
    assert row.split()[:4] == [str(done.task_uuid), "/".join(LINEAR), "complete", "4/4"]
    assert all(line.startswith("there are more: --cursor ") for line in more)


def test_lists_are_filtered_and_go_on(tasker: Tasker, client: TaskerClient) -> None:
    made = [client.create_task(*LINEAR, {"even_number": 2}, tags=["cli"]) for _ in range(3)]
    newest = [str(task.task_uuid) for task in reversed(made)]
    listed = ("task", "list", "--tag", "cli", "--json")
    first = json.loads(tasker(*listed, "--limit", 2).stdout)
    assert [task["task_uuid"] for task in first["tasks"]] == newest[:2]
    rest = json.loads(tasker(*listed, "--cursor", first["next_cursor"]).stdout)
    assert [task["task_uuid"] for task in rest["tasks"]] == newest[2:]
    assert rest["next_cursor"] is None
    filters = ("--namespace", LINEAR[0], "--name", LINEAR[1], "--created-after", "2020-01-01")
    assert len(json.loads(tasker(*listed, *filters).stdout)["tasks"]) == 3
    for none in (
        ("--created-before", "2020-01-01T00:00:00Z"),
        ("--status", "error"),
        ("--initiator", "nobody"),
    ):
        assert json.loads(tasker(*listed, *none).stdout) == {"tasks": [], "next_cursor": None}


@pytest.mark.parametrize("option", [("--status", "done"), ("--created-after", "yesterday")])
def test_a_filter_that_is_none_is_wrong_usage(tasker: Tasker, option: tuple[str, str]) -> None:
    assert option[1] in tasker("task", "list", *option, code=2).stderr


def test_a_task_is_shown(tasker: Tasker, client: TaskerClient, done: Task, blocked: Task) -> None:
    told = tasker("task", "show", done.task_uuid).stdout
    assert f"workflow:    {'/'.join(LINEAR)} 1.0.0\n" in told
    assert 'context:     {"even_number": 6}\n' in told
    assert told.splitlines()[-1].split() == [
        "linear_step_4",
        "complete",
        "1/3",
        '{"result":',
        "69}",
    ]
    shown = json.loads(tasker("task", "show", done.task_uuid, "--json").stdout)
    assert shown["task"] == client.get_task(done.task_uuid).raw
    assert shown["steps"] == [step.raw for step in client.list_steps(done.task_uuid)]
    failed = tasker("task", "show", blocked.task_uuid).stdout
    assert "status:      blocked_by_failures\n" in failed
    assert "waiting on:" in failed
    assert "PermanentError: the payment method is not valid" in failed


def test_a_task_is_cancelled_once(tasker: Tasker, client: TaskerClient, blocked: Task) -> None:
    told = tasker("task", "cancel", blocked.task_uuid)
    assert told.stdout == f"task {blocked.task_uuid} is cancelled\n"
    (line,) = tasker("task", "cancel", blocked.task_uuid, code=3).stderr.splitlines()
    assert "409 TASK_ENDED: " in line
    other = client.create_task(*BLOCKED, {}, wait=60)
    assert json.loads(tasker("task", "cancel", other.task_uuid, "--json").stdout)["status"] == (
        "cancelled"
    )


def test_a_task_is_followed(
    tasker: Tasker, client: TaskerClient, done: Task, blocked: Task
) -> None:
    lines = tasker("task", "follow", done.task_uuid).stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [f"linear_step_{n}" for n in (1, 2, 3, 4)]
    assert lines[-1] == "result: 69"
    told = tasker("task", "follow", done.task_uuid, "--json").stdout
    events = [event.raw for event in client.follow(done.task_uuid)]
    assert [json.loads(line) for line in told.splitlines()] == events
    assert (
        "the task is blocked_by_failures"
        in tasker("task", "follow", blocked.task_uuid, code=1).stdout
    )


def test_a_task_that_was_blocked_once_is_followed_beyond(
    tasker: Tasker, client: TaskerClient, blocked: Task
) -> None:
    tasker("step", "resolve", blocked.task_uuid, "permanent_error_step", *WHY)
    lines = tasker("task", "follow", blocked.task_uuid).stdout.splitlines()
    assert [line.split()[1].rstrip(":") for line in lines[:2]] == ["error", "resolved_manually"]


def test_a_task_that_is_blocked_again_is_followed_to_its_last_block(
    tasker: Tasker, client: TaskerClient, blocked: Task
) -> None:
    for _ in range(2):
        client.retry_step(
            blocked.task_uuid, only_step(client, blocked).step_uuid, reason="again", by="ada"
        )
        assert client.wait(blocked.task_uuid, timeout=60).status == "blocked_by_failures"
    followed = ("task", "follow", blocked.task_uuid)
    attempts = re.findall(r"error: attempt (\d+): ", tasker(*followed, code=1).stdout)
    assert attempts == ["1", "2", "3"]
    told = [json.loads(line) for line in tasker(*followed, "--json", code=1).stdout.splitlines()]
    assert [event["status"] for event in told if event["kind"] == "task"].count(
        "blocked_by_failures"
    ) == 3
    assert told[-1]["status"] == "blocked_by_failures"


def test_a_failure_is_told_with_its_type_and_place(tasker: Tasker, blocked: Task) -> None:
    why = re.compile(
        r"PermanentError: the payment method is not valid \(\S+/error_scenarios/\S+\.py:\d+\)"
    )
    assert why.search(tasker("task", "follow", blocked.task_uuid, code=1).stdout)
    assert why.search(tasker("task", "show", blocked.task_uuid).stdout)
    told = tasker("step", "show", blocked.task_uuid, "permanent_error_step").stdout
    assert why.search(told)
    assert "state:       error\nattempts:    1/" in told
    assert re.search(r"^attempt 1 failed on worker-1, \S+ \S+ to ", told, re.MULTILINE)
    assert "\n    Traceback (most recent call last):\n" in told
    assert "PermanentError: the payment method is not valid\n" in told


def test_a_step_is_shown_with_what_was_done_to_it(
    tasker: Tasker, client: TaskerClient, blocked: Task
) -> None:
    complete = ("step", "complete", blocked.task_uuid, "permanent_error_step")
    tasker(*complete, "--results", '{"paid": true}', *WHY, "--by", "ada")
    shown = ("step", "show", blocked.task_uuid, only_step(client, blocked).step_uuid)
    told = tasker(*shown).stdout
    assert 'results:     {"paid": true}\n' in told
    assert re.search(r"^completed by ada, .*\n    it is paid$", told, re.MULTILINE)
    step = json.loads(tasker(*shown, "--json").stdout)
    assert [entry["outcome"] for entry in step["history"]] == ["failed", "completed"]


def test_a_step_is_retried_by_its_name(tasker: Tasker, client: TaskerClient) -> None:
    task = client.create_task(*FLAKY, {"succeed_on_attempt": 5}, wait=60)
    (name,) = [s.step_name for s in client.list_steps(task.task_uuid) if s.error is not None]
    told = tasker("step", "retry", task.task_uuid, name, *WHY, "--by", "ada").stdout
    assert told.startswith(f"step {name} is ")
    assert client.wait(task.task_uuid, timeout=60).status == "complete"


def test_a_step_is_resolved_by_its_uuid(
    tasker: Tasker, client: TaskerClient, blocked: Task
) -> None:
    step = only_step(client, blocked)
    told = tasker("step", "resolve", blocked.task_uuid, step.step_uuid, *WHY, "--json").stdout
    assert json.loads(told)["current_state"] == "resolved_manually"
    assert client.wait(blocked.task_uuid, timeout=60).status == "resolved_manually"


def test_a_step_is_completed_with_results(
    tasker: Tasker, client: TaskerClient, blocked: Task
) -> None:
    results = f'{{"paid": {6**64}}}'
    complete = ("step", "complete", blocked.task_uuid, "permanent_error_step")
    told = tasker(*complete, "--results", results, *WHY, "--by", "ada", "--json").stdout
    assert json.loads(told)["results"] == {"paid": 6**64}
    history = only_step(client, blocked).history
    assert history is not None
    assert (history[-1].outcome, history[-1].by, history[-1].reason) == (
        "completed",
        "ada",
        "it is paid",
    )
    assert "409 TASK_ENDED" in tasker(*complete, *WHY, code=3).stderr


def test_a_step_gets_no_branches_that_it_cannot_have(tasker: Tasker, blocked: Task) -> None:
    complete = ("step", "complete", blocked.task_uuid, "permanent_error_step", *WHY)
    for given in (("--create-step", "x"), ("--no-steps",), ("--batches", "[]")):
        (line,) = tasker(*complete, *given, code=3).stderr.splitlines()
        assert "422 OUTCOME_INVALID: " in line
    assert "not JSON" in tasker(*complete, "--batches", "[", code=2).stderr
    assert "not JSON" in tasker(*complete, "--results", "x", code=2).stderr


@pytest.mark.parametrize("action", ["retry", "resolve", "complete", "show"])
def test_a_step_that_is_not_there_is_told_with_the_nearest(
    tasker: Tasker, blocked: Task, action: str
) -> None:
    why = () if action == "show" else WHY
    told = tasker("step", action, blocked.task_uuid, "permanent_step", *why, code=3)
    assert told.stderr == (
        f"tasker: task {blocked.task_uuid} has no step 'permanent_step'; nearest: "
        f"permanent_error_step; `tasker task show {blocked.task_uuid}` lists them\n"
    )
    assert "404 STEP_NOT_FOUND" in (
        tasker("step", action, blocked.task_uuid, NO_TASK, *why, code=3).stderr
    )
    if why:
        assert "--reason" in tasker("step", action, blocked.task_uuid, "x", code=2).stderr


@pytest.mark.parametrize("command", ["show", "cancel", "follow"])
def test_a_task_that_is_not_there_is_told(tasker: Tasker, command: str) -> None:
    (line,) = tasker("task", command, NO_TASK, code=3).stderr.splitlines()
    assert line.startswith("tasker: ")
    assert "404 TASK_NOT_FOUND: " in line
    assert "Invalid value for 'TASK'" in tasker("task", command, "not-a-uuid", code=2).stderr


def test_workers_are_listed(tasker: Tasker, client: TaskerClient) -> None:
    head, row = tasker("workers").stdout.splitlines()
    assert head.split()[:5] == ["WORKER", "LANGUAGE", "VERSION", "RUNNING", "SLOTS"]
    assert row.split()[:2] == ["worker-1", "python"]
    (worker,) = json.loads(tasker("workers", "--json").stdout)["workers"]
    assert worker["worker_id"] == "worker-1"
    assert set(worker) == set(client.workers()[0].raw)


def test_no_engine_is_exit_code_4(tasker: Tasker) -> None:
    (port,) = free_ports(1)
    (line,) = tasker("workers", code=4, TASKER_URL=f"http://127.0.0.1:{port}").stderr.splitlines()
    assert f"no engine can be reached at http://127.0.0.1:{port}: " in line
    assert "TASKER_URL" in line


def test_of_several_addresses_the_next_is_asked(tasker: Tasker, system: System) -> None:
    (port,) = free_ports(1)
    urls = f"http://127.0.0.1:{port},{system.url}"
    _, row = tasker("workers", TASKER_URL=urls).stdout.splitlines()
    assert row.split()[0] == "worker-1"
    followed = tasker(
        "run", "/".join(LINEAR), "--context", '{"even_number": 6}', "--follow", TASKER_URL=urls
    )
    assert followed.stdout.splitlines()[-1] == "result: 69"
