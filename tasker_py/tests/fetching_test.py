"""Results that a dispatch leaves out are fetched in pages, and never on the event loop."""

import asyncio
import json
import threading
from typing import Any

import pytest

from tasker_core.attempt import Attempt, invoke, invoke_async, prepare
from tasker_core.dispatch import AttemptRef
from tasker_core.errors import (
    OperationFailedError,
    PermanentError,
    ResultsUnavailableError,
    RetryableError,
    WorkerStoppedError,
)
from tasker_core.fetching import AncestorResults
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase, TypedStepHandler
from tasker_core.types import Sequence, Step, Task

REF = AttemptRef("t", "s", 2)
DISPATCH: dict[str, Any] = {
    "task_uuid": "t",
    "step_uuid": "s",
    "attempt": 2,
    "max_attempts": 3,
    "namespace": "n",
    "name": "w",
    "version": "1.0.0",
    "step_name": "join",
    "callable": "Join",
    "method": "call",
    "configuration": {},
    "idempotency_key": "key",
    "context": {},
    "results": {"small": {"n": 1}},
    "omitted": ["large", "part"],
    "batches": {"part": 3},
    "timeout_ms": 30_000,
    "tags": [],
    "correlation_id": None,
}


class Engine:
    """Answers as the engine does, two results a page, and keeps who asked for what."""

    def __init__(self, **results: list[Any]) -> None:
        self._results = results
        self.asked: list[tuple[str, int]] = []
        self.threads: set[int] = set()

    def fetch(self, request: bytes | str, timeout_ms: int) -> str:
        fields = json.loads(request)
        name, start = fields["name"], fields["from"]
        assert 0 < timeout_ms <= 60_000
        self.asked.append((name, start))
        self.threads.add(threading.get_ident())
        page = {**fields, "results": self._results[name][start : start + 2]}
        if start + 2 < len(self._results[name]):
            page["next"] = start + 2
        return json.dumps(page)


def engine() -> Engine:
    return Engine(large=[{"n": 6**64}], part=[{"n": 1}, {"n": 2}, {"n": 3}])


def prepared(handler: type[StepHandlerBase], source: Engine) -> Attempt:
    registry = HandlerRegistry()
    registry.register("Join", handler)
    attempt = prepare(registry, DISPATCH, source=source)
    assert isinstance(attempt, Attempt)
    return attempt


def results_of(outcome: bytes) -> Any:
    return json.loads(outcome)["results"]


def test_pages_are_joined() -> None:
    source = engine()
    fetch = AncestorResults(source, REF, float("inf"))
    assert fetch("large") == [{"n": 6**64}]
    assert fetch("part") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert source.asked == [("large", 0), ("part", 0), ("part", 2)]


class Refusing:
    def __init__(self, error: Exception | None = None, answer: str = "") -> None:
        self._error = error
        self._answer = answer

    def fetch(self, request: bytes | str, timeout_ms: int) -> str:
        if self._error is not None:
            raise self._error
        return self._answer


@pytest.mark.parametrize(
    "error", [OperationFailedError("no session"), WorkerStoppedError("no session")]
)
def test_a_lost_session_is_a_retryable_failure(error: Exception) -> None:
    with pytest.raises(ResultsUnavailableError) as raised:
        AncestorResults(Refusing(error), REF, float("inf"))("large")
    assert str(raised.value) == "the results of 'large' cannot be fetched: no session"
    assert raised.value.error_code == "RESULTS_UNAVAILABLE"
    assert isinstance(raised.value, RetryableError)


def test_a_refusal_is_told() -> None:
    answer = {"results": [], "error": {"code": "NOT_FOUND", "message": "the attempt is not open"}}
    with pytest.raises(ResultsUnavailableError, match="cannot be fetched: the attempt is not open"):
        AncestorResults(Refusing(answer=json.dumps(answer)), REF, float("inf"))("large")


def test_what_is_too_deep_for_python_is_a_permanent_failure() -> None:
    answer = '{"results": [' + "[" * 50_000 + "]" * 50_000 + "]}"
    with pytest.raises(PermanentError, match="'large' are nested too deeply") as raised:
        AncestorResults(Refusing(answer=answer), REF, float("inf"))("large")
    assert raised.value.error_code == "PAYLOAD_TOO_DEEP"


class Join(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"large": sequence["large"]["n"], "small": sequence["small"]["n"]}


def test_a_sync_handler_fetches_what_it_asks_for() -> None:
    source = engine()
    outcome = invoke(prepared(Join, source))
    assert results_of(outcome) == {"large": 6**64, "small": 1}
    assert source.asked == [("large", 0)]


def test_an_async_handler_finds_everything_fetched_and_the_loop_never_waits() -> None:
    source = engine()

    class AsyncJoin(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            assert sequence.omitted == frozenset()
            return {"sum": sum(part["n"] for part in sequence.batch("part"))}

    outcome = asyncio.run(invoke_async(prepared(AsyncJoin, source)))
    assert results_of(outcome) == {"sum": 6}
    assert sorted(source.asked) == [("large", 0), ("part", 0), ("part", 2)]
    assert threading.get_ident() not in source.threads


def test_an_async_typed_handler_is_fetched_only_what_it_takes() -> None:
    source = engine()

    class TypedJoin(TypedStepHandler[dict[str, Any], dict[str, Any]]):
        async def run(
            self, context: dict[str, Any], step: Step, large: dict[str, int]
        ) -> dict[str, Any]:
            return large

    outcome = asyncio.run(invoke_async(prepared(TypedJoin, source)))
    assert results_of(outcome) == {"n": 6**64}
    assert source.asked == [("large", 0)]


def test_an_async_typed_handler_that_takes_the_sequence_is_fetched_all() -> None:
    source = engine()

    class Counting(TypedStepHandler[dict[str, Any], int]):
        async def run(self, context: dict[str, Any], step: Step, all_of: Sequence) -> int:
            return len(all_of)

    outcome = asyncio.run(invoke_async(prepared(Counting, source)))
    assert results_of(outcome) == 5
    assert len(source.asked) == 3


def test_a_fetch_that_fails_fails_the_attempt_of_an_async_handler() -> None:
    class Never(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise AssertionError("it was called")

    attempt = prepared(Never, engine())
    lost = AncestorResults(Refusing(OperationFailedError("no session")), REF, float("inf"))
    attempt.sequence = Sequence(omitted={"large": None}, fetch=lost)
    error = json.loads(asyncio.run(invoke_async(attempt)))["error"]
    assert (error["error_type"], error["retryable"]) == ("ResultsUnavailableError", True)
    assert error["error_code"] == "RESULTS_UNAVAILABLE"


def test_nobody_to_ask_is_a_retryable_failure() -> None:
    registry = HandlerRegistry()
    registry.register("Join", Join)
    attempt = prepare(registry, DISPATCH)
    assert isinstance(attempt, Attempt)
    error = json.loads(invoke(attempt))["error"]
    assert error["message"] == (
        "the results of 'large' cannot be fetched: nobody was named who has them"
    )
