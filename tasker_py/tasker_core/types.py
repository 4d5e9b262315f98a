"""What a handler is given (Task, Sequence, Step) and what it gives back (StepHandlerCallResult)."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from tasker_core.batching import NO_BATCH_CONFIG, NO_CURSOR, BatchConfig, Cursor
from tasker_core.logs import StepLogger
from tasker_core.own_logger import own_logger
from tasker_core.result import StepHandlerCallResult
from tasker_core.sequence import EMPTY, Sequence

__all__ = [
    "EMPTY",
    "BatchConfig",
    "Cursor",
    "Sequence",
    "Step",
    "StepHandlerCallResult",
    "Task",
]

# What a step makes when it is first asked for, and no other process can have.
_OF_THE_PROCESS = frozenset({"_cancelled", "logger"})

NIL_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The task that a step belongs to.

    Every field but `context` has a default, for unit tests of handlers.
    """

    context: Any
    """The JSON value that the task was created with."""
    task_uuid: str = NIL_UUID
    namespace: str = ""
    name: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    correlation_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """The attempt that is to be made.

    Every field but `step_name` has a default, for unit tests of handlers.
    """

    step_name: str
    step_uuid: str = NIL_UUID
    task_uuid: str = NIL_UUID
    attempt: int = 1
    """Counted from 1."""
    max_attempts: int = 1
    idempotency_key: str = ""
    """The same for all attempts of the step: hand it to whatever must act only once."""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    """`initialization` of the step's handler in the template."""
    deadline: datetime | None = None
    """When the attempt times out, in UTC; None without a time limit."""
    correlation_id: str | None = None
    batch_config: BatchConfig = NO_BATCH_CONFIG
    """For a batchable step: what its batches are to be like."""
    cursor: Cursor = NO_CURSOR
    """The part of the work that a batch is for; None for any other step, which none should ask."""

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure of this attempt ends the step in error."""
        return self.attempt >= self.max_attempts

    @property
    def cancelled(self) -> threading.Event:
        """Set when the outcome is not wanted any more; a long handler should look at it."""
        # Made when it is first asked for, which few do; `setdefault` gives all threads the same.
        event: threading.Event | None = self.__dict__.get("_cancelled")
        if event is None:
            event = self.__dict__.setdefault("_cancelled", threading.Event())
        return event

    def __getstate__(self) -> dict[str, Any]:
        """For another process, where `cancelled` stays as it is now."""
        state = {key: value for key, value in self.__dict__.items() if key not in _OF_THE_PROCESS}
        return {**state, "_is_cancelled": self.cancelled.is_set()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        is_cancelled = state.pop("_is_cancelled")
        self.__dict__.update(state)
        if is_cancelled:
            self.cancelled.set()

    @cached_property
    def logger(self) -> StepLogger:
        """Logs with the ids of task, step, attempt and correlation on every record."""
        ids = {
            "task_uuid": self.task_uuid,
            "step_uuid": self.step_uuid,
            "step_name": self.step_name,
            "attempt": self.attempt,
        }
        if self.correlation_id is not None:
            ids["correlation_id"] = self.correlation_id
        return StepLogger(own_logger("tasker_core.handler"), ids)
