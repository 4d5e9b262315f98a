"""`tasker template diff --engine` on a real engine, with a task that waits for a retry by hand."""

import json
from pathlib import Path

import pytest
from running_system import TEMPLATES, Tasker

from tasker_core.client import TaskerClient, TaskStatus

WORKFLOW = ("error_testing_py", "permanent_error_only_py")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def template() -> str:
    """The text of the workflow's template, which the worker has registered."""
    texts = [file.read_text() for file in TEMPLATES.rglob("*.yaml")]
    (text,) = [it for it in texts if f"name: {WORKFLOW[1]}\n" in it]
    return text


@pytest.fixture
def blocked(client: TaskerClient) -> str:
    """A task whose step is in error."""
    created = client.create_task(*WORKFLOW, {})
    task = client.wait(created.task_uuid)
    assert task.status is TaskStatus.BLOCKED_BY_FAILURES
    return str(task.task_uuid)


def test_open_tasks_whose_callable_is_gone_are_told(
    tasker: Tasker, client: TaskerClient, template: str, blocked: str, tmp_path: Path
) -> None:
    (registered,) = [it for it in client.templates() if (it.namespace, it.name) == WORKFLOW]
    callable_ = registered.steps[0].callable
    new = tmp_path / "new.yaml"
    changed = template.replace(f"version: {registered.version}", "version: 9.0.0")
    new.write_text(changed.replace(callable_, "elsewhere.Handler"))
    told = json.loads(tasker("template", "diff", "--engine", new, "--json", code=1).stdout)
    assert told["compatible"] is False
    (workflow,) = told["workflows"]
    assert (workflow["registered"], workflow["conflicts"]) == (True, [])
    (content,) = workflow["contents"]
    assert content["template_hash"] == registered.template_hash
    assert blocked in content["examples"]
    assert content["steps"][0]["code"] == "CALLABLE_REMOVED"
    lines = tasker("template", "diff", "--engine", new, code=1).stdout.splitlines()
    assert f"  {blocked}" in lines
    assert lines[-1] == "open tasks or the deployment break"

    new.write_text(changed)
    told = json.loads(tasker("template", "diff", "--engine", new, "--json").stdout)
    assert told["workflows"][0]["contents"][0]["open_tasks"] >= 1
    assert told["workflows"][0]["contents"][0]["broken_tasks"] == 0

    client.cancel_task(blocked)
    new.write_text(changed.replace(callable_, "elsewhere.Handler"))
    told = json.loads(tasker("template", "diff", "--engine", new, "--json").stdout)
    assert blocked not in json.dumps(told)


def test_the_registered_templates_break_nothing(tasker: Tasker) -> None:
    told = json.loads(tasker("template", "diff", "--engine", TEMPLATES, "--json").stdout)
    assert told["compatible"] is True
    assert all(it["registered"] and not it["conflicts"] for it in told["workflows"])


def test_without_an_engine_that_is_said(tasker: Tasker, tmp_path: Path, template: str) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(template)
    done = tasker("template", "diff", "--engine", file, code=4, TASKER_URL=NOWHERE)
    assert NOWHERE in done.stderr
    assert done.stdout == ""
    # Files are compared without one.
    tasker("template", "diff", file, file, TASKER_URL=NOWHERE)


def test_what_is_no_tasker_is_said(tasker: Tasker, tmp_path: Path, template: str) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(template.replace(WORKFLOW[1], "nobody_has_it"))
    done = tasker("template", "diff", "--engine", file)
    assert "error_testing_py/nobody_has_it: the engine has no template of this name" in done.stdout
    done = tasker("template", "diff", "--engine", file, code=3, TASKER_TOKEN="wrong")
    assert "UNAUTHORIZED" in done.stderr
