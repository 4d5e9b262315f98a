"""What users get from the package goes from one process to another as it is."""

import copy
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from tasker_core import errors
from tasker_core.errors import ResultsUnavailableError, TaskerError
from tasker_core.registry import import_object
from tasker_core.types import BatchConfig, Cursor, Sequence, Step, StepHandlerCallResult, Task


class DeclinedError(errors.PermanentError):
    """A user's own, with another constructor."""

    def __init__(self, card: str, amount: int) -> None:
        super().__init__(f"{card} is declined", error_code="DECLINED")
        self.amount = amount


def noted(error: TaskerError) -> TaskerError:
    error.add_note("a note")
    return error


ERRORS: list[TaskerError] = [
    errors.PermanentError("declined", error_code="DECLINED", metadata={"card": "visa"}),
    errors.RetryableError("busy", retry_after=2.0),
    errors.ResultsUnavailableError("price", "the engine is away"),
    errors.HandlerNotFoundError("shop.ship", "there is no module 'shop'"),
    errors.InvalidHandlerError("shop.ship", "it is abstract"),
    errors.HandlerConflictError("the callable 'a' is registered already"),
    errors.RefusedError("CONTEXT_INVALID", "`item` is missing", {"path": "item"}),
    errors.NotIdempotentError("3 of 15"),
    errors.PanicError("a bug"),
    DeclinedError("visa", 7),
    noted(errors.TaskerError("one", 2)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_comes_out_as_it_went_in(error: TaskerError, protocol: int) -> None:
    for there in (pickle.loads(pickle.dumps(error, protocol)), copy.deepcopy(error)):
        assert type(there) is type(error)
        assert (str(there), there.args, vars(there)) == (str(error), error.args, vars(error))


def test_a_pool_of_processes_gets_results_and_gives_the_error() -> None:
    ran = Sequence({"card": {"name": "visa"}}, omitted={"price": None}, fetch=lambda name: [20])
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(operator.getitem, ran, "price").result(timeout=60) == 20
        with pytest.raises(errors.HandlerNotFoundError, match="no module 'nowhere'") as raised:
            pool.submit(import_object, "nowhere.ship").result(timeout=60)
    assert raised.value.callable_name == "nowhere.ship"


def test_a_sequence_takes_with_it_what_was_not_sent() -> None:
    omitted = {"price": None, "count": 2}
    results: dict[str, list[Any]] = {"price": [{"price": 20}], "count": [1, 2]}
    ran = Sequence({"a": None}, {"b": [3]}, omitted=omitted, fetch=results.__getitem__)
    there = pickle.loads(pickle.dumps(ran))
    assert dict(there) == {
        "a": None,
        "price": {"price": 20},
        "b_001": 3,
        "count_001": 1,
        "count_002": 2,
    }
    assert there.batch("count") == [1, 2]
    assert there.omitted == frozenset()


def test_a_sequence_whose_results_cannot_be_had_says_so_where_it_is_sent() -> None:
    def away(name: str) -> list[Any]:
        raise ResultsUnavailableError(name, "the engine is away")

    with pytest.raises(ResultsUnavailableError, match="'price' cannot be fetched: the engine is"):
        pickle.dumps(Sequence(omitted={"price": None}, fetch=away))


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_step_takes_its_fields_with_it(is_cancelled: bool) -> None:
    step = Step(step_name="total", attempt=2, cursor=Cursor(0, 3, {"sheet": "a"}, "001"))
    step.logger.debug("asked for")
    if is_cancelled:
        step.cancelled.set()
    there = pickle.loads(pickle.dumps(step))
    assert there == step
    assert there.cancelled.is_set() is is_cancelled
    assert there.logger.extra == step.logger.extra


@pytest.mark.parametrize(
    "value",
    [
        Task(context={"n": 6**64}, tags=("a",)),
        StepHandlerCallResult.success({"a": 1}, {"b": 2}, create_steps=["c"]),
        BatchConfig(batch_size=3),
    ],
)
def test_other_values_come_out_as_they_went_in(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
