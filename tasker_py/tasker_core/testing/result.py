"""What a test sees of a task: the task and its steps as the API shows them, as typed objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic

from tasker_core.errors import NoResultsError, WorkflowTestError
from tasker_core.failure_place import failure_place
from tasker_core.task_handler import TaskHandlerBase

if TYPE_CHECKING:
    from pydantic import BaseModel
    from typing_extensions import TypeVar

    Results = TypeVar("Results", bound=BaseModel, default=Any)
else:
    from typing import TypeVar

    # Python before 3.13 knows no default, and only type checkers need one.
    Results = TypeVar("Results")


@dataclass(frozen=True, slots=True)
class StepError:
    """Why the last ended attempt of a step failed."""

    message: str
    error_type: str
    error_code: str | None
    retryable: bool
    retry_after: float | None
    """Seconds, when the handler gave some."""
    backtrace: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step. Times are in UTC, on the test's clock."""

    name: str
    state: str
    """pending, enqueued, in_progress, waiting_for_retry, complete, error, cancelled or
    resolved_manually."""
    results: Any
    """Exactly what the handler returned; None until the step is complete."""
    metadata: Any
    error: StepError | None
    attempts: int
    max_attempts: int
    parents: tuple[str, ...]
    step_uuid: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    next_retry_at: datetime | None
    worker_id: str | None
    waiting_on: str | None
    """Why the step is not done."""

    def __str__(self) -> str:
        tail = ""
        if self.error is not None:
            place = failure_place(self.error.backtrace)
            tail = f", {self.error.error_type}: {self.error.message}"
            tail += f" ({place})" if place else ""
        elif self.waiting_on is not None:
            tail = f", {self.waiting_on}"
        return f"{self.name}: {self.state} (attempt {self.attempts} of {self.max_attempts}{tail})"


@dataclass(frozen=True, slots=True, repr=False)
class TaskResult(Generic[Results]):
    """A task and its steps; `result["step"]` is a step by its name. Times as in StepResult."""

    task_uuid: str
    namespace: str
    name: str
    version: str
    status: str
    """pending, steps_in_process, waiting_for_retry, blocked_by_failures, complete,
    resolved_manually, error or cancelled."""
    execution_status: str
    context: Any
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    completion_percentage: float
    waiting_on: tuple[str, ...]
    """Why the task is not done."""
    steps: Mapping[str, StepResult]
    """In the order of their creation. Steps that were not chosen are not there."""
    task_handler: type[TaskHandlerBase[Any, Results]] | None = field(default=None, compare=False)
    """What the test was made with, if not with a template."""

    @property
    def results(self) -> Results:
        """What the steps returned that nothing depends on, as the task handler's model.

        NoResultsError when the task has not succeeded, or they do not fit; WorkflowTestError in a
        test that was made without a task handler.
        """
        if self.task_handler is None:
            raise WorkflowTestError(
                "`results` are a task handler's: make the test with one, WorkflowTest(Handler), or "
                'take those of a step, result["step"].results'
            )
        if self.status not in ("complete", "resolved_manually"):
            raise NoResultsError(f"the task has no results:\n{self!r}")
        # Not at the top: this takes pydantic.
        from tasker_core.task_handler.results import read_results

        returned = {name: step.results for name, step in self.steps.items()}
        title = f"the task of {self.task_handler.__qualname__}"
        return read_results(self.task_handler, returned, title)

    def __getitem__(self, step_name: str) -> StepResult:
        try:
            return self.steps[step_name]
        except KeyError:
            there = ", ".join(self.steps)
            raise KeyError(f"the task has no step {step_name!r}; it has {there}") from None

    def __contains__(self, step_name: str) -> bool:
        return step_name in self.steps

    def __repr__(self) -> str:
        lines = [f"<{self.namespace}/{self.name} {self.version}: {self.status}"]
        lines += [f"  {step}" for step in self.steps.values()]
        return "\n".join(lines) + ">"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An attempt of a step, an outcome that came late, or what an operator did."""

    attempt: int
    outcome: str | None
    """succeeded, failed, timeout, worker_lost, undelivered, rejected, cancelled, late, retried,
    resolved or completed; None while the attempt runs."""
    error: StepError | None
    worker_id: str | None
    started_at: datetime | None
    ended_at: datetime | None
    by: str | None
    reason: str | None
    logs: tuple[str, ...]
    """What the handler logged at the levels that the test lets through, a message each."""


def history_entry(entry: dict[str, Any]) -> HistoryEntry:
    """From the API's shape."""
    return HistoryEntry(
        attempt=entry["attempt"],
        outcome=entry["outcome"],
        error=_step_error(entry["error"]),
        worker_id=entry["worker_id"],
        started_at=_time(entry["started_at"]),
        ended_at=_time(entry["ended_at"]),
        by=entry.get("by"),
        reason=entry.get("reason"),
        logs=tuple(line["message"] for line in entry.get("logs") or ()),
    )


def task_result(
    task: dict[str, Any],
    steps: list[dict[str, Any]],
    task_handler: type[TaskHandlerBase[Any, Results]] | None,
) -> TaskResult[Results]:
    """From the API's shapes."""
    return TaskResult(
        task_uuid=task["task_uuid"],
        namespace=task["namespace"],
        name=task["name"],
        version=task["version"],
        status=task["status"],
        execution_status=task["execution_status"],
        context=task["context"],
        tags=tuple(task["tags"]),
        created_at=datetime.fromisoformat(task["created_at"]),
        updated_at=datetime.fromisoformat(task["updated_at"]),
        completed_at=_time(task["completed_at"]),
        completion_percentage=task["completion_percentage"],
        waiting_on=tuple(task["waiting_on"]),
        steps={step["step_name"]: _step_result(step) for step in steps},
        task_handler=task_handler,
    )


def _step_result(step: dict[str, Any]) -> StepResult:
    return StepResult(
        name=step["step_name"],
        state=step["current_state"],
        results=step["results"],
        metadata=step["metadata"],
        error=_step_error(step["error"]),
        attempts=step["attempts"],
        max_attempts=step["max_attempts"],
        parents=tuple(step["parents"]),
        step_uuid=step["step_uuid"],
        created_at=datetime.fromisoformat(step["created_at"]),
        started_at=_time(step["started_at"]),
        completed_at=_time(step["completed_at"]),
        next_retry_at=_time(step["next_retry_at"]),
        worker_id=step["worker_id"],
        waiting_on=step["waiting_on"],
    )


def _step_error(error: dict[str, Any] | None) -> StepError | None:
    if error is None:
        return None
    retry_after_ms: int | None = error.get("retry_after_ms")
    return StepError(
        message=error["message"],
        error_type=error["error_type"],
        error_code=error["error_code"],
        retryable=error["retryable"],
        retry_after=None if retry_after_ms is None else retry_after_ms / 1000,
        backtrace=error["backtrace"],
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
