"""What the API shows of tasks and steps, as docs/openapi.json describes it.

Times are in UTC with microseconds. Fields that only a newer engine knows are left out of the
models; `raw` has them.
"""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from tasker_core.client.shown import Shown
from tasker_core.client.states import (
    ErrorCode,
    ExecutionStatus,
    HistoryOutcome,
    StepState,
    TaskStatus,
)


class ErrorDetail(Shown):
    """What went wrong, for programs (`code`, `details`) and for people (`message`)."""

    code: ErrorCode
    message: str
    details: Any


class ErrorBody(Shown):
    """The body of every answer that is not a success."""

    error: ErrorDetail


class TaskSummary(Shown):
    """A task in a list."""

    task_uuid: UUID
    namespace: str
    name: str
    version: str
    template_hash: str
    status: TaskStatus
    execution_status: ExecutionStatus
    created_at: AwareDatetime
    updated_at: AwareDatetime
    completed_at: AwareDatetime | None
    initiator: str | None
    source_system: str | None
    reason: str | None
    tags: tuple[str, ...]
    priority: int
    correlation_id: str | None
    parent_correlation_id: str | None
    total_steps: int
    pending_steps: int
    in_progress_steps: int
    completed_steps: int
    failed_steps: int
    completion_percentage: float
    """From 0 to 100."""


class Task(TaskSummary):
    """A task."""

    context: Any
    """The JSON value that the task was created with."""
    waiting_on: tuple[str, ...]
    """Why the task is not done: a line for each step that holds it up."""


class TaskPage(Shown):
    """A page of tasks, newest first.

    It may hold fewer than were asked for, or none, and not be the last: that one has no
    `next_cursor`.
    """

    tasks: tuple[TaskSummary, ...]
    next_cursor: str | None


class CreatedTask(Shown):
    """What became of one task of a batch: the task, or why it was refused."""

    status: int
    """HTTP: 201 created, 200 created before under the same idempotency key, else an error."""
    task: Task | None = None
    error: ErrorDetail | None = None


class CreatedTasks(Shown):
    """What became of each task of a batch, in the order of the batch."""

    results: tuple[CreatedTask, ...]


class Failure(Shown):
    """Why an attempt failed."""

    message: str
    error_type: str
    """The exception's class name, or a word of docs/errors.md."""
    error_code: str | None
    """The handler's own code."""
    retryable: bool
    retry_after_ms: int | None = None
    """Milliseconds."""
    backtrace: str | None


class LogLine(Shown):
    """A line that a handler logged."""

    at: AwareDatetime
    level: str
    logger: str | None = None
    message: str


class HistoryEntry(Shown):
    """An attempt of a step, or what an operator did to the step."""

    attempt: int
    worker_id: str | None
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    outcome: HistoryOutcome | None
    error: Failure | None
    by: str | None = None
    reason: str | None = None
    logs: tuple[LogLine, ...] | None = None
    """The last 200 lines, where they were asked for."""


class Step(Shown):
    """A step of a task."""

    step_uuid: UUID
    task_uuid: UUID
    step_name: str
    current_state: StepState
    parents: tuple[str, ...]
    """Names of the steps that it depends on."""
    attempts: int
    max_attempts: int
    retryable: bool
    results: Any
    """Exactly what the handler returned."""
    metadata: Any
    error: Failure | None
    """Why the last attempt failed."""
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    next_retry_at: AwareDatetime | None
    worker_id: str | None
    waiting_on: str | None
    history: tuple[HistoryEntry, ...] | None = None
    """Of a single step only."""


class StepPage(Shown):
    """A page of steps in creation order; the last has no `next_cursor`."""

    steps: tuple[Step, ...]
    next_cursor: str | None


class TaskStatusChanged(Shown):
    """An event: the task's status changed, or the task began."""

    kind: Literal["task"]
    at: AwareDatetime
    status: TaskStatus
    execution_status: ExecutionStatus


class StepStateChanged(Shown):
    """An event: a step's state changed, or the step came to exist."""

    kind: Literal["step"]
    at: AwareDatetime
    step_uuid: UUID
    step_name: str
    state: StepState
    attempt: int
    """Attempts so far."""
    worker_id: str | None
    error_message: str | None
    """Why the last attempt failed, when this event is its failure."""


TaskEvent = TaskStatusChanged | StepStateChanged
