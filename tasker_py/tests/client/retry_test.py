"""What is tried again, and when: never a call that may have had an effect."""

import itertools
from typing import Any

import httpx
import pytest
from samples import TASK, TASK_UUID, Played, error

from tasker_core.client import (
    ApiError,
    ConnectionLostError,
    ErrorCode,
    ErrorDetail,
    NotConnectedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from tasker_core.client.errors import refusal
from tasker_core.client.retry import Pauses, may_repeat

DONE = httpx.Response(200, json=TASK)
CREATE: tuple[Any, ...] = ("create_task", "shop", "order", {})


def refused(status: int, code: ErrorCode, retry_after: float | None = None) -> ApiError:
    return refusal("GET /", status, ErrorDetail(code=code, message="", details=None), retry_after)


def lost(
    kind: type[ConnectionLostError] = ConnectionLostError, timed_out: bool = False
) -> ApiError:
    failure = kind("GET /", "")
    failure.timed_out = timed_out
    return failure


@pytest.mark.parametrize(
    ("failure", "when_repeatable", "ever"),
    [
        (lost(NotConnectedError), True, True),
        (lost(NotConnectedError, timed_out=True), False, False),
        (lost(), True, False),
        (lost(timed_out=True), False, False),
        (refused(503, ErrorCode.UNAVAILABLE), True, True),
        (refused(503, ErrorCode.OVERLOADED), True, True),
        (refused(503, ErrorCode("FROM_A_PROXY")), True, False),
        (refused(500, ErrorCode.INTERNAL), False, False),
        (refused(404, ErrorCode.TASK_NOT_FOUND), False, False),
        (refused(409, ErrorCode.TASK_ENDED), False, False),
        (UnexpectedAnswerError("GET /", 502, "", ""), True, False),
        (UnexpectedAnswerError("GET /", 200, "", ""), False, False),
        (UnexpectedAnswerError("GET /", 500, "", ""), False, False),
    ],
)
def test_what_may_be_repeated(failure: ApiError, when_repeatable: bool, ever: bool) -> None:
    assert may_repeat(failure, repeatable=True) is when_repeatable
    assert may_repeat(failure, repeatable=False) is ever


def test_the_pauses_double_up_to_a_limit_and_end() -> None:
    pauses = Pauses(lambda: 1.0, limit=3.0)
    taken = list(iter(lambda: pauses.after(lost(), repeatable=True), None))
    assert taken == [0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5, 0.5]


def test_chance_takes_at_most_half_of_a_pause() -> None:
    chance = iter([0.0, 0.5, 1.0])
    pauses = Pauses(lambda: next(chance))
    assert [pauses.after(lost(), repeatable=True) for _ in range(3)] == [0.01, 0.03, 0.08]


def test_retry_after_is_waited_for_and_counts() -> None:
    pauses = Pauses(lambda: 1.0, limit=3.0)
    busy = refused(503, ErrorCode.OVERLOADED, retry_after=1.25)
    assert pauses.after(busy, repeatable=False) == pytest.approx(1.27)
    assert pauses.after(busy, repeatable=False) == pytest.approx(1.29)
    assert pauses.after(busy, repeatable=False) is None


def test_a_call_that_had_no_effect_is_made_again() -> None:
    engine = Played(error(503, "OVERLOADED", Retry_After="2"), httpx.ConnectError("refused"), DONE)
    assert engine.call(*CREATE).raw == TASK
    assert engine.pauses == [pytest.approx(2.02), 0.04]
    bodies = {request.content for request in engine.requests}
    assert bodies == {b'{"namespace": "shop", "name": "order", "context": {}}'}


@pytest.mark.parametrize("failure", [httpx.ReadError("reset"), httpx.RemoteProtocolError("cut")])
def test_a_creation_that_may_have_happened_is_made_again_only_under_a_key(
    failure: httpx.RequestError,
) -> None:
    with pytest.raises(ConnectionLostError) as raised:
        Played(failure).call(*CREATE)
    assert str(raised.value) == f"POST http://engine/v1/tasks: the connection was lost: {failure}"
    keyed = Played(failure, DONE)
    assert str(keyed.call(*CREATE, idempotency_key="k").task_uuid) == TASK_UUID
    assert [keyed.body(number)["idempotency_key"] for number in (0, 1)] == ["k", "k"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cancel_task", {}),
        ("retry_step", {"step_uuid": "s", "reason": "r", "by": "b"}),
        ("complete_step", {"step_uuid": "s", "reason": "r", "by": "b"}),
        ("resolve_step", {"step_uuid": "s", "reason": "r", "by": "b"}),
    ],
)
def test_what_changes_something_is_sent_once(name: str, options: dict[str, Any]) -> None:
    engine = Played(httpx.ReadError("reset"))
    with pytest.raises(ConnectionLostError):
        engine.call(name, TASK_UUID, **options)
    assert engine.pauses == []


def test_an_engine_that_stays_away_is_told_with_what_to_do() -> None:
    engine = Played(*[httpx.ConnectError("refused")] * 2, retry_seconds=0.05)
    with pytest.raises(NotConnectedError) as raised:
        engine.call("get_task", TASK_UUID)
    assert str(raised.value) == (
        f"GET http://engine/v1/tasks/{TASK_UUID}: no engine can be reached at http://engine: "
        "refused; start one, or name another with TASKER_URL"
    )
    assert engine.pauses == [0.02]


def test_a_refusal_outlasts_the_pauses() -> None:
    engine = Played(*[error(503, "UNAVAILABLE", Retry_After="1")] * 3, retry_seconds=2.5)
    with pytest.raises(UnavailableError) as raised:
        engine.call("workers")
    assert raised.value.retry_after == 1.0
    assert raised.value.status == 503
    assert list(itertools.accumulate(engine.pauses))[-1] <= 2.5


def test_health_is_asked_once() -> None:
    engine = Played(httpx.ConnectError("refused"))
    with pytest.raises(NotConnectedError):
        engine.call("health")
    assert Played(httpx.ConnectError("refused")).call("is_ready") is False
    assert Played(error(503, "UNAVAILABLE")).call("is_live") is False
