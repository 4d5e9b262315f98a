"""The base classes of batchable steps, which split work, and of batch workers, which do a part."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tasker_core import _native
from tasker_core.batching import NO_BATCH_CONFIG, BatchConfig, Cursor
from tasker_core.counts import count
from tasker_core.errors import InvalidResultError
from tasker_core.serialization import shown, type_name
from tasker_core.step_handler.base import StepHandlerBase
from tasker_core.types import Step, StepHandlerCallResult

MOST_BATCHES = 100_000


class BatchableHandler(StepHandlerBase):
    """The handler of a step of type `batchable`: it says into which batches the work is split."""

    batch_config: BatchConfig = NO_BATCH_CONFIG
    """`batch_config` of the batch worker in the template."""

    def prepare(self, step: Step) -> None:
        """Takes over what the template says of the step and of its batches."""
        super().prepare(step)
        self.batch_config = step.batch_config

    def create_batches(
        self,
        *,
        total_items: int,
        batch_size: int | None = None,
        max_workers: int | None = None,
        results: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> StepHandlerCallResult:
        """min(ceil(total_items / batch_size), max_workers) batches of nearly the same size.

        They are contiguous, from 0, and differ by one item at most. `batch_size` and `max_workers`
        default to the template's `batch_config`; without the latter, 100,000 is the most. The
        results, unless others are given, are `{"total_items", "batch_count"}`.
        """
        if batch_size is None:
            batch_size = self.batch_config.batch_size
        if batch_size is None:
            raise InvalidResultError(
                "there is no batch_size: give one to create_batches, or to batch_config of the "
                "batch worker in the template"
            )
        if max_workers is None:
            max_workers = self.batch_config.max_workers
        items = count(total_items, "total_items")
        request = {"total_items": items, "batch_size": count(batch_size, "batch_size", least=1)}
        if max_workers is not None:
            workers = count(max_workers, "max_workers", least=1)
            request["max_workers"] = min(workers, MOST_BATCHES)
        cursors = json.loads(_native.batches_split(json.dumps(request)))
        if results is None:
            results = {"total_items": items, "batch_count": len(cursors)}
        return StepHandlerCallResult.success(results, metadata, batches=cursors)

    def create_batches_from(
        self,
        cursors: Iterable[Cursor],
        *,
        results: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> StepHandlerCallResult:
        """A batch for each cursor, at most 100,000, numbered in this order.

        The results, unless others are given, are `{"batch_count"}`.
        """
        if not isinstance(cursors, Iterable):
            raise InvalidResultError(
                f"cursors is {shown(cursors)} of type {type_name(cursors)}; a list of "
                "tasker_core.types.Cursor is wanted"
            )
        batches = [_message(index, cursor) for index, cursor in enumerate(cursors)]
        if results is None:
            results = {"batch_count": len(batches)}
        return StepHandlerCallResult.success(results, metadata, batches=batches)

    def no_batches(
        self, reason: str, *, results: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> StepHandlerCallResult:
        """There is nothing to do: the convergence behind the batches runs, on an empty list.

        `reason`, for people, is in the metadata. The results, unless others are given, are
        `{"batch_count": 0, "reason"}`.
        """
        return StepHandlerCallResult.success(
            {"batch_count": 0, "reason": reason} if results is None else results,
            {"reason": reason, **(metadata or {})},
            batches=(),
        )


class BatchWorkerHandler(StepHandlerBase):
    """The handler of a step of type `batch_worker`.

    `step.cursor` has the part of the work that this batch is for: `start`, `end` (exclusive),
    `batch_id` and whatever `data` the batchable step's handler added.
    """


def _message(index: int, cursor: object) -> dict[str, Any]:
    if not isinstance(cursor, Cursor):
        raise InvalidResultError(
            f"cursors[{index}] is {shown(cursor)} of type {type_name(cursor)}, not a "
            "tasker_core.types.Cursor"
        )
    start = count(cursor.start, f"cursors[{index}].start")
    end = count(cursor.end, f"cursors[{index}].end")
    if start > end:
        raise InvalidResultError(f"cursors[{index}]: its start, {start}, is after its end, {end}")
    message: dict[str, Any] = {"start": start, "end": end}
    if cursor.data is not None:
        message["data"] = cursor.data
    return message
