"""What a handler is given (Task, Sequence, Step) and what it gives back (StepHandlerCallResult)."""

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from tasker_core.logs import StepLogger

NIL_UUID = "00000000-0000-0000-0000-000000000000"
EMPTY: Mapping[str, Any] = MappingProxyType({})


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


class Sequence(Mapping[str, Any]):
    """What the step's ancestors returned, by step name; those that did not run are not in it."""

    __slots__ = ("_results",)

    def __init__(self, results: Mapping[str, Any] = EMPTY) -> None:
        self._results = results

    def get_results(self, step_name: str) -> Any:
        """What the ancestor returned, or None when it did not run."""
        return self._results.get(step_name)

    def __getitem__(self, step_name: str) -> Any:
        return self._results[step_name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __repr__(self) -> str:
        return f"Sequence({dict(self._results)!r})"


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
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    """Set when the outcome is not wanted any more; a handler that takes long should look at it."""

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure of this attempt ends the step in error."""
        return self.attempt >= self.max_attempts

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
        return StepLogger(logging.getLogger("tasker_core.handler"), ids)


@dataclass(frozen=True, kw_only=True)
class StepHandlerCallResult:
    """What an attempt produced. Made by `success` or `failure`."""

    is_success: bool
    results: Any = None
    metadata: Mapping[str, Any] | None = None
    error: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    retryable: bool = False
    retry_after: float | None = None

    @classmethod
    def success(
        cls, results: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> "StepHandlerCallResult":
        """The step is done. `results` is any JSON value; the steps behind it see exactly that.

        None stands for no results, and is `{}`.
        """
        return cls(is_success=True, results=results, metadata=metadata)

    @classmethod
    def failure(
        cls,
        error: str,
        error_type: str = "handler_error",
        error_code: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> "StepHandlerCallResult":
        """The attempt failed, for good unless `retryable`.

        `retry_after`, in seconds, wins over the back-off.
        """
        return cls(
            is_success=False,
            error=error,
            error_type=error_type,
            error_code=error_code,
            retryable=retryable,
            retry_after=retry_after,
            metadata=metadata,
        )
