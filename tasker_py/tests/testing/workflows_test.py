"""Workflows whose steps follow from outcomes, handlers of each kind, and what ends them."""

import asyncio
import sys
import threading
from typing import Any
from unittest.mock import Mock

from tasker_core.errors import PermanentError
from tasker_core.step_handler import (
    BatchableHandler,
    BatchWorkerHandler,
    DecisionHandler,
    StepHandlerBase,
)
from tasker_core.testing import HandlerLike, WorkflowTest
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

APPROVAL = """
name: approval
namespace_name: tests
version: 1.0.0
input_schema: {type: object, required: [amount]}
steps:
  - name: route
    type: decision
    handler: {callable: tests.route, initialization: {limit: 1000}}
  - name: automatic
    dependencies: [route]
    handler: {callable: tests.approve}
  - name: manager
    dependencies: [route]
    handler: {callable: tests.approve, method: by_manager}
  - name: finish
    type: deferred_convergence
    dependencies: [automatic, manager]
    handler: {callable: tests.finish}
"""

BATCHES = """
name: batches
namespace_name: tests
version: 1.0.0
steps:
  - name: split
    type: batchable
    handler: {callable: tests.split}
  - name: part
    type: batch_worker
    dependencies: [split]
    handler: {callable: tests.part}
    batch_config: {batch_size: 2, failure_strategy: fail_fast}
    timeout_seconds: 5
  - name: total
    type: deferred_convergence
    dependencies: [part]
    handler: {callable: tests.total}
"""


class Route(DecisionHandler):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        amount, limit = task.context["amount"], self.configuration["limit"]
        return self.create_steps(["automatic" if amount < limit else "manager"])


class Approve(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"by": "nobody"}

    async def by_manager(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"by": "manager"}


def finish(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    return {"approved": {name: results["by"] for name, results in sequence.items() if results}}


class Split(BatchableHandler):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        return self.create_batches(total_items=task.context["items"])


class Part(BatchWorkerHandler):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        cursor = step.cursor
        return StepHandlerCallResult.success({"sum": sum(range(cursor.start, cursor.end))})


def total(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    return {"total": sum(results["sum"] for results in sequence.batch("part"))}


def approval() -> WorkflowTest:
    return WorkflowTest(APPROVAL, {"tests.approve": Approve, "route": Route, "finish": finish})


def batches() -> WorkflowTest:
    return WorkflowTest(BATCHES, {"split": Split, "part": Part, "total": total})


def test_a_decision_makes_the_steps_that_it_names() -> None:
    result = approval().run({"amount": 999})
    assert list(result.steps) == ["route", "automatic", "finish"]
    assert "manager" not in result
    assert result["finish"].results == {"approved": {"automatic": "nobody"}}
    assert result["finish"].parents == ("automatic",)


def test_an_async_handler_runs_on_a_loop_of_the_tests_own() -> None:
    result = approval().run({"amount": 1000})
    assert result.status == "complete"
    assert result["finish"].results == {"approved": {"manager": "manager"}}


def test_a_decision_survives_the_death_of_its_worker() -> None:
    test = approval()
    test.crash_worker(after="route")
    result = test.run({"amount": 1000})
    assert list(result.steps) == ["route", "manager", "finish"]
    assert result["route"].attempts == 2


def test_batches_are_steps_of_their_own() -> None:
    test = batches()
    test.deliver_twice("part_002")
    test.time_out("part_003")
    result = test.run({"items": 5})
    assert list(result.steps) == ["split", "part_001", "part_002", "part_003", "total"]
    assert result["total"].results == {"total": 10}
    assert [step.attempts for step in result.steps.values()] == [1, 1, 1, 2, 1]


def test_more_batches_than_a_worker_has_slots_all_run() -> None:
    result = batches().run({"items": 600})
    assert (result.status, len(result.steps)) == ("complete", 302)
    assert result["total"].results == {"total": sum(range(600))}


def test_a_failed_batch_keeps_back_those_that_were_not_started() -> None:
    test = batches()
    test.fail_attempt("part_001", error=PermanentError("corrupt"))
    result = test.run({"items": 400})
    assert result.status == "blocked_by_failures"
    states = [step.state for name, step in result.steps.items() if name.startswith("part")]
    assert states == ["error"] + 127 * ["complete"] + 72 * ["pending"]


def test_numbers_pass_digit_for_digit() -> None:
    number = 7**6000

    def square(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        text = str(task.context["amount"])
        return {"by": int(text) ** 2, "digits": len(text)}

    test = WorkflowTest(APPROVAL, {"route": Route, "tests.approve": square, "finish": finish})
    limit = sys.get_int_max_str_digits()
    result = test.run({"amount": number})
    assert result["manager"].results == {"by": number**2, "digits": 5071}
    assert result["finish"].results == {"approved": {"manager": number**2}}
    assert sys.get_int_max_str_digits() == limit


def test_results_that_are_too_long_for_a_dispatch_are_fetched() -> None:
    long = "x" * 300_000

    def part(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"sum": step.cursor.start, "text": long}

    def total(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        assert "part" in sequence.omitted
        return {"starts": [results["sum"] for results in sequence.batch("part")]}

    async def total_async(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"last": sequence["part_020"]["sum"], "thread": threading.active_count()}

    handlers: dict[str, HandlerLike] = {"split": Split, "part": part, "total": total}
    result = WorkflowTest(BATCHES, handlers).run({"items": 40})
    assert result["total"].results == {"starts": list(range(0, 40, 2))}
    threads = threading.active_count()
    result = WorkflowTest(BATCHES, {**handlers, "total": total_async}).run({"items": 40})
    assert result["total"].results == {"last": 38, "thread": threads}


def test_a_mock_is_a_handler() -> None:
    handler = Mock(return_value={"by": "a mock"})
    test = WorkflowTest(
        APPROVAL, {"route": Route, "tests.approve": handler, "tests.finish": finish}
    )
    result = test.run({"amount": 1})
    assert result["automatic"].results == {"by": "a mock"}
    [(task, sequence, step)] = [call.args for call in handler.call_args_list]
    assert (task.context, list(sequence), step.step_name) == ({"amount": 1}, ["route"], "automatic")
