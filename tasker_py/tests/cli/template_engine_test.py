"""Templates held against what an engine shows of its templates and tasks."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Unpack
from uuid import UUID

from engine_samples import created, template

from tasker_core.cli import template_engine
from tasker_core.client import Step, TaskerClient, TaskStatus, TaskSummary, Template
from tasker_core.client.operations import TaskFilters

TEXT = """\
name: order
namespace_name: shop
version: 2.0.0
steps:
  - name: charge
    handler: {callable: shop.charge}
"""
OLD = template(("price", "standard", []), ("charge", "standard", ["price"])).model_copy(
    update={"template_hash": "a" * 64, "document_hash": "b" * 64}
)


class Fake(TaskerClient):
    """An engine with some tasks, each under the hash of its content."""

    def __init__(self, tasks: dict[str, list[dict[str, str]]], *templates: Template) -> None:
        super().__init__("http://127.0.0.1:9")
        self.known = templates
        self.steps: dict[str, list[Step]] = {}
        self.tasks: list[TaskSummary] = []
        for template_hash, states in tasks.items():
            for state in states:
                self._add(template_hash, state)

    def _add(self, template_hash: str, states: dict[str, str]) -> None:
        uuid = UUID(int=len(self.tasks) + 1)
        self.steps[str(uuid)] = created(**states)
        summary = dict.fromkeys(TaskSummary.model_fields)
        counts = ("total", "completed", "failed", "in_progress", "pending")
        self.tasks.append(
            TaskSummary.model_validate(
                {
                    **summary,
                    **{f"{it}_steps": 0 for it in counts},
                    "task_uuid": uuid,
                    "namespace": "shop",
                    "name": "order",
                    "version": "1.0.0",
                    "template_hash": template_hash,
                    "status": "steps_in_process",
                    "execution_status": "processing",
                    "priority": 0,
                    "tags": [],
                    "completion_percentage": 0.0,
                    "created_at": "2026-01-05T09:30:00Z",
                    "updated_at": "2026-01-05T09:30:00Z",
                }
            )
        )

    def templates(self) -> tuple[Template, ...]:
        return self.known

    def list_tasks(self, **filters: Unpack[TaskFilters]) -> Iterator[TaskSummary]:
        if filters.get("status") is TaskStatus.STEPS_IN_PROCESS:
            yield from self.tasks

    def list_steps(self, task_uuid: UUID | str) -> list[Step]:
        return self.steps[str(task_uuid)]


def held(client: TaskerClient, text: str = TEXT) -> dict[str, Any]:
    return template_engine.held_against(client, [{"file": "new.yaml", "text": text}])


def test_tasks_that_have_passed_what_is_gone_do_not_break() -> None:
    tasks = [{"price": "complete", "charge": "enqueued"}, {"price": "error"}, {"price": "enqueued"}]
    with Fake({OLD.template_hash: tasks}, OLD) as client:
        told = held(client)
    (content,) = told["workflows"][0]["contents"]
    assert told["compatible"] is False
    assert (content["known"], content["open_tasks"], content["broken_tasks"]) == (True, 3, 2)
    assert content["examples"] == [str(UUID(int=2)), str(UUID(int=3))]
    (step,) = content["steps"]
    assert (step["step"], step["code"], step["open_tasks"]) == ("price", "CALLABLE_REMOVED", 2)
    assert step["message"] == "no step calls `shop.price` any more"


def test_what_has_replaced_content_cannot_be_told() -> None:
    with Fake({"c" * 64: [{"price": "complete"}]}, OLD) as client:
        told = held(client)
    (content,) = told["workflows"][0]["contents"]
    assert (told["compatible"], content["known"], content["broken_tasks"]) == (False, False, 1)
    assert any("other content has replaced theirs" in line for line in template_engine.lines(told))


def test_ten_tasks_are_named_at_the_most() -> None:
    with Fake({OLD.template_hash: [{"price": "enqueued"}] * 12}, OLD) as client:
        (content,) = held(client)["workflows"][0]["contents"]
    assert (content["broken_tasks"], len(content["examples"])) == (12, 10)


def test_a_version_that_is_brought_as_it_is_has_its_handlers() -> None:
    canonical = {
        "name": "order",
        "namespace_name": "shop",
        "steps": [{"handler": {"callable": "shop.charge"}, "name": "charge"}],
        "version": "1.0.0",
    }
    document = json.dumps(canonical, separators=(",", ":"))
    same = OLD.model_copy(update={"document_hash": hashlib.sha256(document.encode()).hexdigest()})
    with Fake({OLD.template_hash: [{"price": "enqueued"}]}, same) as client:
        told = held(client, document)
    assert told["compatible"] is True
    assert told["workflows"][0]["conflicts"] == []


def test_a_version_with_other_content_is_a_conflict() -> None:
    with Fake({}, OLD) as client:
        told = held(client, TEXT.replace("2.0.0", "1.0.0"))
    assert (told["compatible"], told["workflows"][0]["conflicts"]) == (False, ["1.0.0"])
    assert "TEMPLATE_CONFLICT" in "\n".join(template_engine.lines(told))


def test_a_workflow_that_nobody_has_registered_has_no_tasks() -> None:
    with Fake({}) as client:
        told = held(client)
    assert told["compatible"] is True
    assert next(template_engine.lines(told)) == (
        "shop/order: the engine has no template of this name, so that none of its tasks run"
    )
