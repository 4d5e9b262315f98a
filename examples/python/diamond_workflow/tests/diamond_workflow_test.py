"""Each handler of the diamond on its own: exact integers, metadata, bad input."""

import pytest
from diamond_workflow.step_handlers import (
    DiamondBranchBHandler,
    DiamondBranchCHandler,
    DiamondEndHandler,
    DiamondStartHandler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


def assert_computed(
    result: StepHandlerCallResult, operation: str, inputs: dict[str, int], output: int
) -> None:
    assert result.is_success
    assert result.results == {"result": output}
    assert result.metadata == {"operation": operation, "inputs": inputs, "output": output}


@pytest.mark.parametrize("number", [6, 4, 0, -6, 10**40])
def test_n_becomes_n_to_the_16th(number: int) -> None:
    task, step = Task(context={"even_number": number}), Step(step_name="diamond")

    start = DiamondStartHandler().call(task, Sequence(), step)
    assert_computed(start, "square", {"even_number": number}, number**2)

    started = Sequence({"diamond_start": start.results})
    b = DiamondBranchBHandler().call(task, started, step)
    c = DiamondBranchCHandler().call(task, started, step)
    for branch in (b, c):
        assert_computed(branch, "square", {"diamond_start": number**2}, number**4)

    ends = Sequence({"diamond_branch_b": b.results, "diamond_branch_c": c.results})
    inputs = {"diamond_branch_b": number**4, "diamond_branch_c": number**4}
    end = DiamondEndHandler().call(task, ends, step)
    assert_computed(end, "multiply_and_square", inputs, number**16)


def test_the_end_takes_each_branch_for_itself() -> None:
    branches = Sequence({"diamond_branch_b": {"result": 3}, "diamond_branch_c": {"result": 5}})
    end = DiamondEndHandler().call(Task(context={}), branches, Step(step_name="diamond_end"))
    inputs = {"diamond_branch_b": 3, "diamond_branch_c": 5}
    assert_computed(end, "multiply_and_square", inputs, 225)


def test_an_odd_number_fails_the_start_for_good() -> None:
    with pytest.raises(PermanentError, match="even_number must be even, not 7"):
        DiamondStartHandler().call(
            Task(context={"even_number": 7}), Sequence(), Step(step_name="diamond_start")
        )
