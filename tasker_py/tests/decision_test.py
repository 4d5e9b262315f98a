"""A decision says which steps run, and why none does."""

from typing import Any

import pytest

from tasker_core.errors import InvalidResultError, PermanentError
from tasker_core.step_handler import DecisionHandler, StepHandlerBase
from tasker_core.types import StepHandlerCallResult


def test_the_steps_that_run_are_named() -> None:
    result = DecisionHandler().create_steps(
        ["manager_approval", "finance_review"], results={"path": "dual"}, metadata={"by": "amount"}
    )
    assert result == StepHandlerCallResult(
        is_success=True,
        results={"path": "dual"},
        metadata={"by": "amount"},
        create_steps=("manager_approval", "finance_review"),
    )


def test_no_branches_has_a_reason() -> None:
    assert DecisionHandler().no_branches("nothing to approve") == StepHandlerCallResult(
        is_success=True,
        results={"reason": "nothing to approve"},
        metadata={"reason": "nothing to approve"},
        create_steps=(),
    )
    own = DecisionHandler().no_branches("nothing", results={"path": None}, metadata={"k": 1})
    assert own.results == {"path": None}
    assert own.metadata == {"reason": "nothing", "k": 1}


def test_one_string_is_no_list_of_names() -> None:
    with pytest.raises(InvalidResultError) as raised:
        DecisionHandler().create_steps("approve")
    assert str(raised.value) == ("create_steps takes a list of names, not one string: ['approve']")
    assert isinstance(raised.value, PermanentError)


def test_it_is_a_handler() -> None:
    assert issubclass(DecisionHandler, StepHandlerBase)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", None], "create_steps[1] is None of type NoneType, not a name"),
        (5, "create_steps is 5 of type int, not a list of names"),
        (None, "create_steps takes a list of names, not None: no_branches?"),
    ],
)
def test_what_is_no_list_of_names_is_named(names: Any, message: str) -> None:
    with pytest.raises(InvalidResultError) as raised:
        DecisionHandler().create_steps(names)
    assert str(raised.value) == message
