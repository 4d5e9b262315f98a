"""Which contexts hold an even number, and what a computed step returns."""

from typing import Any

import pytest
from numeric_steps import computed, even_number

from tasker_core.errors import PermanentError
from tasker_core.types import StepHandlerCallResult, Task


@pytest.mark.parametrize("number", [6, 0, -6, 10**40])
def test_an_even_integer_of_any_size_is_taken(number: int) -> None:
    assert even_number(Task(context={"even_number": number})) == number


@pytest.mark.parametrize(
    ("context", "code", "message"),
    [
        ({}, "MISSING_FIELD", "even_number is missing from the context {}"),
        (None, "MISSING_FIELD", "even_number is missing from the context None"),
        ([6], "MISSING_FIELD", "even_number is missing from the context [6]"),
        ({"even_number": 7}, "INVALID_FIELD", "even_number must be even, not 7"),
        ({"even_number": -3}, "INVALID_FIELD", "even_number must be even, not -3"),
        ({"even_number": "6"}, "INVALID_FIELD", "even_number must be an integer, not '6'"),
        ({"even_number": 6.0}, "INVALID_FIELD", "even_number must be an integer, not 6.0"),
        ({"even_number": True}, "INVALID_FIELD", "even_number must be an integer, not True"),
        ({"even_number": None}, "INVALID_FIELD", "even_number must be an integer, not None"),
    ],
)
def test_anything_else_is_a_permanent_failure(context: Any, code: str, message: str) -> None:
    with pytest.raises(PermanentError) as raised:
        even_number(Task(context=context))
    assert str(raised.value) == message
    assert raised.value.error_code == code


def test_a_computed_step_gives_its_output_and_says_where_it_comes_from() -> None:
    assert computed("multiply", {"left": 6, "right": 7}, 42) == StepHandlerCallResult.success(
        results={"result": 42},
        metadata={"operation": "multiply", "inputs": {"left": 6, "right": 7}, "output": 42},
    )
