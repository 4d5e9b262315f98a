"""Each handler of the tree on its own: exact integers, metadata, bad input."""

from typing import Any

import pytest
from tree_workflow.step_handlers import (
    TreeBranchLeftHandler,
    TreeBranchRightHandler,
    TreeFinalConvergenceHandler,
    TreeLeafDHandler,
    TreeLeafEHandler,
    TreeLeafFHandler,
    TreeLeafGHandler,
    TreeRootHandler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import Sequence, Step, Task

STEP = Step(step_name="tree")


def test_the_root_squares_the_input() -> None:
    root = TreeRootHandler().call(Task(context={"even_number": 6}), Sequence(), STEP)
    assert root.results == {"result": 36}
    assert root.metadata == {"operation": "square", "inputs": {"even_number": 6}, "output": 36}


@pytest.mark.parametrize(
    ("handler", "parent"),
    [
        (TreeBranchLeftHandler, "tree_root"),
        (TreeBranchRightHandler, "tree_root"),
        (TreeLeafDHandler, "tree_branch_left"),
        (TreeLeafEHandler, "tree_branch_left"),
        (TreeLeafFHandler, "tree_branch_right"),
        (TreeLeafGHandler, "tree_branch_right"),
    ],
)
def test_branches_and_leaves_square_what_is_above_them(handler: Any, parent: str) -> None:
    result = handler().call(Task(context={}), Sequence({parent: {"result": 10**40}}), STEP)
    assert result.results == {"result": 10**80}
    assert result.metadata == {
        "operation": "square",
        "inputs": {parent: 10**40},
        "output": 10**80,
    }


def test_the_convergence_squares_the_product_of_the_four_leaves() -> None:
    leaves = {"tree_leaf_d": 2, "tree_leaf_e": 3, "tree_leaf_f": 5, "tree_leaf_g": 7}
    sequence = Sequence({name: {"result": number} for name, number in leaves.items()})
    result = TreeFinalConvergenceHandler().call(Task(context={}), sequence, STEP)
    assert result.results == {"result": 44100}
    assert result.metadata == {
        "operation": "multiply_and_square",
        "inputs": leaves,
        "output": 44100,
    }


def test_an_odd_number_fails_the_root_for_good() -> None:
    with pytest.raises(PermanentError, match="even_number must be even, not 7"):
        TreeRootHandler().call(Task(context={"even_number": 7}), Sequence(), STEP)
