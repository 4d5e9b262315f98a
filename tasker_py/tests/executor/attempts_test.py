"""An attempt that a session hands over runs once and gives its outcome."""

import asyncio
import json
from typing import Any

import pytest
from running_executor import AsyncDouble, Double, Running, dispatch

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, Task

pytest_plugins = ["executor_fixture"]


def test_a_sync_handler_gives_its_result(running: Running) -> None:
    assert running.run("s", Double) == {
        "task_uuid": "task",
        "step_uuid": "s",
        "attempt": 1,
        "success": True,
        "results": {"result": 4},
        "metadata": {"k": "v"},
    }


def test_an_async_handler_gives_its_result(running: Running) -> None:
    assert running.run("s", AsyncDouble)["results"] == {"result": 4}


def test_the_method_that_the_template_names_is_called_with_its_configuration(
    running: Running,
) -> None:
    outcome = running.run(
        "s",
        Double,
        method="power",
        configuration={"exponent": 64},
        results={"before": {"result": 6}},
    )
    assert outcome["results"] == {"result": 6**64}


def test_results_that_a_dispatch_leaves_out_are_fetched_from_its_session(running: Running) -> None:
    class Reading(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            return {"read": sequence["before"]}

    assert running.run("s", Reading, omitted=["before"])["results"] == {"read": {"of": "before"}}


def test_each_attempt_has_an_instance_of_its_own(running: Running) -> None:
    class Counting(StepHandlerBase):
        calls = 0

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
            self.calls += 1
            return {"calls": self.calls}

    running.session.send(*[running.dispatch(f"s{n}", Counting) for n in range(3)])
    outcomes = running.session.outcomes(3)
    assert [outcome["results"] for outcome in outcomes.values()] == [{"calls": 1}] * 3


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), ZeroDivisionError("z")]
)
def test_whatever_a_handler_raises_is_a_failure_and_the_worker_lives(
    running: Running, error: BaseException
) -> None:
    class Raising(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise error

    class AsyncRaising(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise error

    running.session.send(running.dispatch("sync", Raising), running.dispatch("async", AsyncRaising))
    outcomes = running.session.outcomes(2)
    for step in ("sync", "async"):
        assert outcomes[step]["error"]["error_type"] == type(error).__name__
        assert outcomes[step]["error"]["retryable"]
        assert "raise error" in outcomes[step]["error"]["backtrace"]
    running.session.send(running.dispatch("s", Double), running.dispatch("a", AsyncDouble))
    assert running.session.outcomes(4)["s"]["success"]


def test_a_permanent_error_is_permanent(running: Running) -> None:
    class Refusing(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise PermanentError("no", error_code="NO")

    error = running.run("s", Refusing)["error"]
    assert (error["message"], error["error_code"], error["retryable"]) == ("no", "NO", False)


def test_a_coroutine_from_a_sync_handler_is_no_result(running: Running) -> None:
    class Lost(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
            return asyncio.sleep(0)

    error = running.run("s", Lost)["error"]
    assert error["message"].startswith("the handler returned <coroutine object sleep")
    assert "only a method that is `async def` itself is awaited" in error["message"]
    assert not error["retryable"]


def test_a_constructor_that_raises_is_a_failure(running: Running) -> None:
    class Unborn(StepHandlerBase):
        def __init__(self) -> None:
            raise ConnectionError("no database")

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            return {}

    error = running.run("s", Unborn)["error"]
    assert (error["error_type"], error["message"]) == ("ConnectionError", "no database")
    assert error["retryable"]


def test_a_callable_without_a_handler_fails_its_attempt_only(running: Running) -> None:
    running.session.send(
        {"dispatch": dispatch("lost", "nowhere.Handler")}, running.dispatch("found", Double)
    )
    outcomes = running.session.outcomes(2)
    assert outcomes["found"]["success"]
    assert outcomes["lost"]["error"]["error_type"] == "HandlerNotFoundError"
    assert outcomes["lost"]["error"]["message"] == (
        "no handler for the callable 'nowhere.Handler': there is no module 'nowhere'; "
        "is its folder in TASKER_HANDLER_PATH, or the worker given the module that registers the "
        "name?"
    )


def test_a_method_that_the_handler_lacks_is_named(running: Running) -> None:
    error = running.run("s", Double, method="triple")["error"]
    assert error["message"].startswith("no handler for the callable 'Double': ")
    assert error["message"].endswith(
        "has no method 'triple'; wanted: triple(self, task, sequence, step)"
    )
    # Another worker may have a version of the handler with this method.
    assert (error["error_type"], error["retryable"]) == ("InvalidHandlerError", True)


def test_a_context_that_is_too_deep_fails_its_attempt_only(running: Running) -> None:
    text = json.dumps(
        [running.dispatch("deep", Double, context="HERE"), running.dispatch("s", Double)]
    )
    running.session._messages.put(text.replace('"HERE"', "[" * 50_000 + "]" * 50_000))
    outcomes = running.session.outcomes(2)
    assert outcomes["s"]["success"]
    assert outcomes["deep"]["error"]["message"] == (
        "the step's context is nested too deeply for Python"
    )
    assert not outcomes["deep"]["error"]["retryable"]


def test_an_unknown_message_costs_nothing_else(running: Running) -> None:
    running.session.send({"surprise": {}}, running.dispatch("s", Double))
    assert running.session.outcomes(1)["s"]["success"]


def test_an_outcome_tells_how_long_its_attempt_waited_and_ran(running: Running) -> None:
    class Waiting(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            step.cancelled.wait(0.02)
            return {}

    running.run("s", Waiting)
    timings = running.session.timings["s"]
    assert timings["callable"] == "Waiting"
    assert timings["ran_us"] >= 20_000
    assert timings["queued_us"] >= 0
    running.session.send({"dispatch": dispatch("lost", "nowhere.Handler")})
    running.session.outcomes(2)
    assert running.session.timings["lost"] == {"callable": "nowhere.Handler"}
