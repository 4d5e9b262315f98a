"""What a workflow test refuses: as the engine and the worker would, with the same words."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tasker_core import _native
from tasker_core.errors import (
    HandlerNotFoundError,
    InvalidArgumentError,
    InvalidHandlerError,
    RefusedError,
    WorkflowTestError,
)
from tasker_core.testing import WorkflowTest
from tasker_core.types import Sequence, Step, Task

TEMPLATE = """
name: orders
namespace_name: tests
version: 1.0.0
input_schema:
  type: object
  required: [amount]
  properties: {amount: {type: integer}}
steps:
  - name: charge
    handler: {callable: tests_of_nobody.charge}
    result_schema: {type: object, required: [receipt]}
environments:
  test: {steps: [{name: charge, retry: {max_attempts: 7}}]}
"""


def charge(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
    return {"receipt": step.max_attempts}


def charge_card(task: Task) -> dict[str, int]:
    return {"receipt": 1}


async def charge_async(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
    return {"receipt": 1}


def test_a_template_that_is_not_valid_is_refused_as_by_the_check(tmp_path: Path) -> None:
    path = tmp_path / "orders.yaml"
    path.write_text(TEMPLATE.replace("steps:", "stops:", 1))
    with pytest.raises(InvalidArgumentError) as by_check:
        _native.template_check(path.read_bytes(), str(path))
    with pytest.raises(InvalidArgumentError) as by_test:
        WorkflowTest(path, {"charge": charge})
    assert str(by_test.value) == str(by_check.value)
    assert "did you mean `steps`?" in str(by_test.value)


def test_a_handler_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(HandlerNotFoundError, match="there is no module 'tests_of_nobody'"):
        WorkflowTest(TEMPLATE)


def test_a_handler_for_nothing_is_an_error() -> None:
    expected = "names 'charged', which is neither .* its steps are charge .tests_of_nobody.charge"
    with pytest.raises(WorkflowTestError, match=expected):
        WorkflowTest(TEMPLATE, {"charge": charge, "charged": charge})


def test_what_is_no_handler_is_an_error() -> None:
    with pytest.raises(InvalidHandlerError, match="7 is no handler"):
        WorkflowTest(TEMPLATE, {"charge": 7})  # type: ignore[dict-item]
    with pytest.raises(InvalidHandlerError, match=r"wanted: charge_card\(task, sequence, step"):
        WorkflowTest(TEMPLATE, {"charge": charge_card})


def test_a_context_that_breaks_the_schema_is_refused_as_by_the_api() -> None:
    test = WorkflowTest(TEMPLATE, {"charge": charge})
    with pytest.raises(RefusedError) as refused:
        test.run({"amount": "much"})
    assert refused.value.code == "CONTEXT_INVALID"
    assert refused.value.details["violations"][0]["path"] == "/amount"
    assert "the context breaks the template's `input_schema`: " in refused.value.message
    with pytest.raises(RefusedError, match="`priority` is 101"):
        test.run({"amount": 1}, priority=101)
    assert test.run({"amount": 1}, priority=100).status == "complete"


def test_results_that_break_the_schema_fail_their_step() -> None:
    test = WorkflowTest(TEMPLATE, {"charge": lambda task, sequence, step: {}})
    error = test.run({"amount": 1})["charge"].error
    assert error is not None
    assert (error.error_type, error.error_code) == ("invalid_result", "RESULT_INVALID")
    assert '"receipt" is a required property' in error.message


def test_the_environment_is_the_one_that_is_asked_for() -> None:
    context = {"amount": 1}
    assert WorkflowTest(TEMPLATE, {"charge": charge}).run(context)["charge"].results == {
        "receipt": 7
    }
    elsewhere = WorkflowTest(TEMPLATE, {"charge": charge}, environment="production")
    assert elsewhere.run(context)["charge"].results == {"receipt": 3}


def test_async_handlers_do_not_run_within_another_loop() -> None:
    async def within() -> None:
        test = WorkflowTest(TEMPLATE, {"charge": charge_async})
        with pytest.raises(WorkflowTestError, match="from a test that is not async"):
            test.run({"amount": 1})

    asyncio.run(within())


def test_an_unknown_field_of_the_task_is_named() -> None:
    test = WorkflowTest(TEMPLATE, {"charge": charge})
    with pytest.raises(InvalidArgumentError, match="unknown field `prioritty`"):
        test.run({"amount": 1}, prioritty=1)


@pytest.mark.parametrize("seed", [-1, 0.5, "1"])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(
        WorkflowTestError, match=r"seed is .*; a whole number, 0 or more, is wanted"
    ):
        WorkflowTest(TEMPLATE, seed=seed)
