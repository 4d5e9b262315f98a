"""A batchable step's work is split as the engine would, by the template's numbers or its own."""

from typing import Any

import pytest

from tasker_core.errors import InvalidResultError
from tasker_core.step_handler import BatchableHandler, BatchWorkerHandler, StepHandlerBase
from tasker_core.types import BatchConfig, Cursor, Step, StepHandlerCallResult


def prepared(**config: int) -> BatchableHandler:
    handler = BatchableHandler()
    handler.prepare(
        Step(step_name="split", configuration={"k": 1}, batch_config=BatchConfig(**config))
    )
    return handler


def ranges(result: StepHandlerCallResult) -> list[tuple[int, int]]:
    assert result.batches is not None
    return [(cursor["start"], cursor["end"]) for cursor in result.batches]


def test_the_templates_numbers_hold_unless_the_handler_gives_others() -> None:
    handler = prepared(batch_size=200, max_workers=5)
    assert handler.configuration == {"k": 1}
    result = handler.create_batches(total_items=1000)
    assert ranges(result) == [(0, 200), (200, 400), (400, 600), (600, 800), (800, 1000)]
    assert result.results == {"total_items": 1000, "batch_count": 5}
    assert ranges(handler.create_batches(total_items=7, batch_size=3, max_workers=2)) == [
        (0, 4),
        (4, 7),
    ]
    assert len(ranges(handler.create_batches(total_items=10**9, batch_size=1))) == 5


def test_results_and_metadata_of_ones_own() -> None:
    result = prepared(batch_size=1).create_batches(
        total_items=1, results={"rows": 1}, metadata={"file": "a.csv"}
    )
    assert (result.results, result.metadata) == ({"rows": 1}, {"file": "a.csv"})


def test_nothing_to_split_is_no_batches() -> None:
    result = prepared(batch_size=10).create_batches(total_items=0)
    assert (result.batches, result.results) == ((), {"total_items": 0, "batch_count": 0})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"total_items": 1}, "there is no batch_size: give one to create_batches, or to"),
        ({"total_items": 1, "batch_size": 0}, "create_batches: request: batch_size: invalid value"),
        ({"total_items": -1, "batch_size": 1}, "create_batches: request: total_items: invalid"),
        ({"total_items": 1, "batch_size": 1, "max_workers": 0}, "create_batches: request: max_w"),
        ({"total_items": 1.5, "batch_size": 1}, "create_batches: request: total_items: invalid"),
        ({"total_items": {1}, "batch_size": 1}, "create_batches: Object of type set is not JSON"),
    ],
)
def test_numbers_that_make_no_sense_fail_for_good(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidResultError) as raised:
        BatchableHandler().create_batches(**arguments)
    assert str(raised.value).startswith(message)


def test_cursors_of_ones_own() -> None:
    result = BatchableHandler().create_batches_from(
        [Cursor(0, 10), Cursor(10, 12, data={"sheet": 2})]
    )
    assert result.batches == (
        {"start": 0, "end": 10},
        {"start": 10, "end": 12, "data": {"sheet": 2}},
    )
    assert result.results == {"batch_count": 2}


def test_what_is_no_cursor_is_named() -> None:
    with pytest.raises(InvalidResultError) as raised:
        BatchableHandler().create_batches_from([Cursor(0, 1), (1, 2)])  # type: ignore[list-item]
    assert str(raised.value) == ("cursor 2 is (1, 2) of type tuple, not a tasker_core.types.Cursor")


def test_no_batches_has_a_reason() -> None:
    result = BatchableHandler().no_batches("the file is empty", metadata={"file": "a.csv"})
    assert result.batches == ()
    assert result.results == {"batch_count": 0, "reason": "the file is empty"}
    assert result.metadata == {"reason": "the file is empty", "file": "a.csv"}


def test_a_batch_worker_is_a_handler() -> None:
    assert issubclass(BatchWorkerHandler, StepHandlerBase)
