"""Splitting items, adding up a batch, adding up batches."""

from typing import Any

import pytest
from batch_processing.step_handlers import (
    AnalyzeItemsHandler,
    ProcessItemsHandler,
    SumItemsHandler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import BatchConfig, Cursor, Sequence, Step, StepHandlerCallResult, Task


def analyze(context: Any) -> StepHandlerCallResult:
    handler = AnalyzeItemsHandler()
    handler.batch_config = BatchConfig(batch_size=1000)
    return handler.call(Task(context=context), Sequence(), Step(step_name="analyze_items"))


@pytest.mark.parametrize(("total", "batches"), [(0, 0), (1, 1), (1000, 1), (1001, 2), (10_000, 10)])
def test_a_thousand_items_are_a_batch(total: int, batches: int) -> None:
    result = analyze({"total_items": total})
    assert result.results == {"total_items": total, "batch_count": batches}
    assert result.batches is not None
    assert len(result.batches) == batches


@pytest.mark.parametrize(
    ("context", "code", "message"),
    [
        ({}, "MISSING_FIELD", "total_items is missing from the context {}"),
        ({"total_items": -1}, "INVALID_FIELD", "total_items must be an integer from 0, not -1"),
        ({"total_items": 1.5}, "INVALID_FIELD", "total_items must be an integer from 0, not 1.5"),
        ({"total_items": True}, "INVALID_FIELD", "total_items must be an integer from 0, not True"),
    ],
)
def test_anything_but_a_number_of_items_is_refused(context: Any, code: str, message: str) -> None:
    with pytest.raises(PermanentError) as raised:
        analyze(context)
    assert (raised.value.error_code, str(raised.value)) == (code, message)


def test_an_item_is_worth_its_number_and_one() -> None:
    step = Step(step_name="process_items_002", cursor=Cursor(1000, 1003, batch_id="002"))
    result = ProcessItemsHandler().call(Task(context={}), Sequence(), step)
    assert result.results == {"processed_count": 3, "total": 1001 + 1002 + 1003}


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], {"total_processed": 0, "total": 0, "worker_count": 0}),
        (
            [{"processed_count": 2, "total": 3}, {"processed_count": 1, "total": 3}],
            {"total_processed": 3, "total": 6, "worker_count": 2},
        ),
    ],
)
def test_batches_add_up(batches: list[Any], expected: Any) -> None:
    sequence = Sequence(batches={"process_items": batches})
    result = SumItemsHandler().call(Task(context={}), sequence, Step(step_name="sum_items"))
    assert result.results == expected
