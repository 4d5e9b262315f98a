"""The four handlers, one after another, on numbers and on bad input."""

from typing import Any

import pytest
from linear_workflow.step_handlers import (
    LinearStep1Handler,
    LinearStep2Handler,
    LinearStep3Handler,
    LinearStep4Handler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

HANDLERS: dict[str, Any] = {
    "linear_step_1": LinearStep1Handler,
    "linear_step_2": LinearStep2Handler,
    "linear_step_3": LinearStep3Handler,
    "linear_step_4": LinearStep4Handler,
}


def run(context: Any) -> dict[str, StepHandlerCallResult]:
    results: dict[str, Any] = {}
    returned: dict[str, StepHandlerCallResult] = {}
    for name, handler in HANDLERS.items():
        task, sequence, step = Task(context=context), Sequence(results), Step(step_name=name)
        returned[name] = handler().call(task, sequence, step)
        assert returned[name].is_success
        results[name] = returned[name].results
    return returned


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (6, [36, 46, 138, 69]),
        (10, [100, 110, 330, 165]),
        (4, [16, 26, 78, 39]),
        (8, [64, 74, 222, 111]),
        (0, [0, 10, 30, 15]),
        (-6, [36, 46, 138, 69]),
        (
            10**40,
            [10**80, 10**80 + 10, 3 * 10**80 + 30, 15 * 10**79 + 15],
        ),
    ],
)
def test_each_step_gives_the_exact_integer(number: int, expected: list[int]) -> None:
    returned = run({"even_number": number})
    results = [result.results for result in returned.values()]
    assert results == [{"result": value} for value in expected]
    assert [type(result["result"]) for result in results] == [int] * 4


def test_metadata_says_what_was_done() -> None:
    assert [result.metadata for result in run({"even_number": 6}).values()] == [
        {"operation": "square", "inputs": {"even_number": 6}, "output": 36},
        {"operation": "add", "inputs": {"linear_step_1": 36}, "output": 46},
        {"operation": "multiply", "inputs": {"linear_step_2": 46}, "output": 138},
        {"operation": "divide", "inputs": {"linear_step_3": 138}, "output": 69},
    ]


def test_an_odd_number_fails_the_first_step_for_good() -> None:
    with pytest.raises(PermanentError, match="even_number must be even, not 7"):
        LinearStep1Handler().call(
            Task(context={"even_number": 7}), Sequence(), Step(step_name="linear_step_1")
        )


def test_an_odd_number_is_not_halved() -> None:
    with pytest.raises(PermanentError) as raised:
        LinearStep4Handler().call(
            Task(context={}),
            Sequence({"linear_step_3": {"result": 45}}),
            Step(step_name="linear_step_4"),
        )
    assert str(raised.value) == "the result of linear_step_3 must be even, not 45"
    assert raised.value.error_code == "INVALID_FIELD"
