"""Handlers are held against the template when a test starts, and found where workers find them."""

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tasker_core.errors import InvalidHandlerError, WorkflowTestError
from tasker_core.step_handler import BatchableHandler, TypedStepHandler
from tasker_core.testing import HandlerLike, WorkflowTest
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

TEMPLATE = """
name: orders
namespace_name: shop
version: 1.0.0
steps:
  - name: one
    handler: {callable: shop.one}
  - name: two
    dependencies: [one]
    handler: {callable: shop.two}
"""

BATCHES = """
name: inventory
namespace_name: shop
version: 1.0.0
steps:
  - name: analyze
    type: batchable
    handler: {callable: shop.analyze}
  - name: count
    type: batch_worker
    dependencies: [analyze]
    handler: {callable: shop.count}
    batch_config: {batch_size: 1}
    retry: {retryable: false}
  - name: join
    type: deferred_convergence
    dependencies: [count]
    handler: {callable: shop.join}
"""


class Count(BaseModel):
    count: int


def one(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    return {"count": 1}


class Misspelt(TypedStepHandler[dict[str, Any], dict[str, Any]]):
    def run(self, context: dict[str, Any], step: Step, oen: Count) -> dict[str, Any]:
        return {}


class PerhapsThere(TypedStepHandler[dict[str, Any], dict[str, Any]]):
    def run(
        self, context: dict[str, Any], step: Step, other: Count | None, third: int = 3
    ) -> dict[str, Any]:
        return {"other": other, "third": third}


def test_a_typed_parameter_that_names_no_step_is_told_at_the_start() -> None:
    with pytest.raises(InvalidHandlerError) as raised:
        WorkflowTest(TEMPLATE, {"one": one, "two": Misspelt})
    message = str(raised.value)
    assert f"({__file__}:" in message
    assert message.endswith(
        "takes results of no step of the template: 'oen', did you mean 'one'?; its steps are one, "
        "two"
    )


def test_what_may_be_absent_may_be_of_another_template() -> None:
    result = WorkflowTest(TEMPLATE, {"one": one, "two": PerhapsThere}).run({})
    assert result["two"].results == {"other": None, "third": 3}


def test_a_name_that_is_no_step_is_refused_before_handlers_are_looked_for() -> None:
    with pytest.raises(WorkflowTestError) as raised:
        WorkflowTest(TEMPLATE, {"oen": one})
    assert str(raised.value) == (
        "`handlers` names 'oen', which is neither a step nor a callable of the template; its steps "
        "are one (shop.one), two (shop.two)"
    )


def test_handlers_are_found_in_the_folders_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_of_the_variable.py").write_text(
        "from tasker_core.step_handler import step_handler\n\n\n"
        "@step_handler('shop_of_the_variable.two')\n"
        "def two(task, sequence, step):\n    return {'two': 2}\n"
    )
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setenv("TASKER_HANDLER_PATH", str(tmp_path))
    template = TEMPLATE.replace("shop.two", "shop_of_the_variable.two")
    assert WorkflowTest(template, {"one": one}).run({})["two"].results == {"two": 2}


def test_a_step_that_did_not_run_is_named_with_those_that_did() -> None:
    def two(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"total": sequence["oen"]["count"]}

    step = WorkflowTest(TEMPLATE, {"one": one, "two": two}).run({})["two"]
    assert step.error is not None
    assert step.error.message == "the step 'oen' did not run before this one; there is one"
    assert (step.error.error_type, step.error.retryable) == ("NotBeforeStepError", False)
    assert step.attempts == 1


class Analyze(BatchableHandler):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        return self.create_batches(total_items=2)


class CountBatch(TypedStepHandler[dict[str, Any], Count]):
    def run(self, context: dict[str, Any], step: Step) -> Count:
        if step.cursor.start == 0 and context["first_fails"]:
            raise ValueError("a broken item")
        return Count(count=1)


class Join(TypedStepHandler[dict[str, Any], Count]):
    def run(self, context: dict[str, Any], step: Step, count: list[Count | None]) -> Count:
        return Count(count=sum(batch.count for batch in count if batch is not None))


class StrictJoin(TypedStepHandler[dict[str, Any], Count]):
    def run(self, context: dict[str, Any], step: Step, count: list[Count]) -> Count:
        return Count(count=sum(batch.count for batch in count))


def joined(join: type[TypedStepHandler[Any, Any]]) -> Any:
    handlers: dict[str, HandlerLike] = {"analyze": Analyze, "count": CountBatch, "join": join}
    test = WorkflowTest(BATCHES, handlers)
    assert test.run({"first_fails": True}).status == "blocked_by_failures"
    test.resolve("count_001")
    return test.run_until_blocked()["join"]


def test_a_batch_that_was_resolved_is_none_for_a_typed_join() -> None:
    assert joined(Join).results == {"count": 1}


def test_a_join_that_takes_no_none_is_told_of_resolved_batches() -> None:
    error = joined(StrictJoin).error
    assert error is not None
    assert error.error_code == "INVALID_INPUT"
    assert error.message == (
        f"count does not fit list[{__name__}.Count]: count[0]: Input should be an object; a "
        "batch that was resolved by hand, or returned None, is None in the list: annotate count: "
        "list[... | None]"
    )
