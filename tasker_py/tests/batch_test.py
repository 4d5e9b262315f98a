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
        ({"total_items": 1, "batch_size": 0}, "batch_size is 0 of type int; a whole number, 1 or"),
        ({"total_items": -1, "batch_size": 1}, "total_items is -1 of type int; a whole number, 0"),
        ({"total_items": 1.5, "batch_size": 1}, "total_items is 1.5 of type float; a whole numbe"),
        ({"total_items": {1}, "batch_size": 1}, "total_items is {1} of type set; a whole number,"),
        ({"total_items": None, "batch_size": 1}, "total_items is None of type NoneType; a whole"),
        ({"total_items": 2**64, "batch_size": 1}, f"total_items is {2**64} of type int; at most"),
        ({"total_items": 1, "batch_size": "1"}, "batch_size is '1' of type str; a whole number, 1"),
        (
            {"total_items": 1, "batch_size": 1, "max_workers": 0},
            "max_workers is 0 of type int; a whole number, 1 or more, is wanted",
        ),
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


class Count:
    """As numpy's integers are: no int, but an integer by its `__index__`."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


def test_integers_of_other_types_are_counts() -> None:
    numbers: dict[str, Any] = {"total_items": Count(5), "batch_size": Count(2)}
    result = BatchableHandler().create_batches(**numbers, max_workers=Count(7))  # type: ignore[arg-type]
    assert ranges(result) == [(0, 2), (2, 4), (4, 5)]
    assert result.results == {"total_items": 5, "batch_count": 3}
    cursors: Any = [Cursor(Count(0), Count(3))]  # type: ignore[arg-type]
    assert BatchableHandler().create_batches_from(cursors).batches == ({"start": 0, "end": 3},)


def test_more_workers_than_there_can_be_batches_are_the_most() -> None:
    result = BatchableHandler().create_batches(total_items=3, batch_size=1, max_workers=2**60)
    assert len(ranges(result)) == 3


@pytest.mark.parametrize(
    ("cursors", "message"),
    [
        ([Cursor(0, 5.0)], "cursors[0].end is 5.0 of type float; a whole number, 0 or more, is"),  # type: ignore[arg-type]
        ([Cursor(0, 1), Cursor(-1, 1)], "cursors[1].start is -1 of type int; a whole number, 0"),
        ([Cursor(0, 1), Cursor(3, 2)], "cursors[1]: its start, 3, is after its end, 2"),
        (None, "cursors is None of type NoneType; a list of tasker_core.types.Cursor is wanted"),
    ],
)
def test_ends_of_cursors_that_make_no_sense_fail_for_good(cursors: Any, message: str) -> None:
    with pytest.raises(InvalidResultError) as raised:
        BatchableHandler().create_batches_from(cursors)
    assert str(raised.value).startswith(message)


def test_what_is_no_cursor_is_named() -> None:
    with pytest.raises(InvalidResultError) as raised:
        BatchableHandler().create_batches_from([Cursor(0, 1), (1, 2)])  # type: ignore[list-item]
    assert str(raised.value) == (
        "cursors[1] is (1, 2) of type tuple, not a tasker_core.types.Cursor"
    )


def test_no_batches_has_a_reason() -> None:
    result = BatchableHandler().no_batches("the file is empty", metadata={"file": "a.csv"})
    assert result.batches == ()
    assert result.results == {"batch_count": 0, "reason": "the file is empty"}
    assert result.metadata == {"reason": "the file is empty", "file": "a.csv"}


def test_a_batch_worker_is_a_handler() -> None:
    assert issubclass(BatchWorkerHandler, StepHandlerBase)
