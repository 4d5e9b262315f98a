"""Each handler of the mixed DAG on its own: exact integers, metadata, bad input."""

from typing import Any

import pytest
from mixed_dag_workflow.step_handlers import (
    DagAnalyzeHandler,
    DagFinalizeHandler,
    DagInitHandler,
    DagProcessLeftHandler,
    DagProcessRightHandler,
    DagTransformHandler,
    DagValidateHandler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import Sequence, Step, Task

STEP = Step(step_name="dag")


def test_the_first_step_squares_the_input() -> None:
    first = DagInitHandler().call(Task(context={"even_number": 6}), Sequence(), STEP)
    assert first.results == {"result": 36}
    assert first.metadata == {"operation": "square", "inputs": {"even_number": 6}, "output": 36}


@pytest.mark.parametrize(
    ("handler", "parent"),
    [
        (DagProcessLeftHandler, "dag_init"),
        (DagProcessRightHandler, "dag_init"),
        (DagTransformHandler, "dag_process_left"),
        (DagAnalyzeHandler, "dag_process_right"),
    ],
)
def test_a_step_with_one_parent_squares_what_it_gives(handler: Any, parent: str) -> None:
    result = handler().call(Task(context={}), Sequence({parent: {"result": 10**40}}), STEP)
    assert result.results == {"result": 10**80}
    assert result.metadata == {
        "operation": "square",
        "inputs": {parent: 10**40},
        "output": 10**80,
    }


@pytest.mark.parametrize(
    ("handler", "inputs", "output"),
    [
        (DagValidateHandler, {"dag_process_left": 3, "dag_process_right": 5}, 225),
        (DagFinalizeHandler, {"dag_validate": 2, "dag_transform": 3, "dag_analyze": 5}, 900),
    ],
)
def test_a_step_with_several_parents_squares_their_product(
    handler: Any, inputs: dict[str, int], output: int
) -> None:
    sequence = Sequence({name: {"result": number} for name, number in inputs.items()})
    result = handler().call(Task(context={}), sequence, STEP)
    assert result.results == {"result": output}
    assert result.metadata == {
        "operation": "multiply_and_square",
        "inputs": inputs,
        "output": output,
    }


def test_an_odd_number_fails_the_first_step_for_good() -> None:
    with pytest.raises(PermanentError, match="even_number must be even, not 7"):
        DagInitHandler().call(Task(context={"even_number": 7}), Sequence(), STEP)
