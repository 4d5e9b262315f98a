"""The words of the API: states, statuses, codes. docs/states.md draws the states."""

from enum import StrEnum, unique
from typing import Any, Self


class Word(StrEnum):
    """One of the words that the API uses in a place; a string.

    A word that only a newer engine knows is taken as it is: a member of no name that equals its
    text.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = word._value_ = value
        return word

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # By its text, not by a name that it may not have in the class.
        return type(self), (self._value_,)


@unique
class TaskStatus(Word):
    """Where a task stands."""

    PENDING = "pending"
    STEPS_IN_PROCESS = "steps_in_process"
    WAITING_FOR_RETRY = "waiting_for_retry"
    BLOCKED_BY_FAILURES = "blocked_by_failures"
    COMPLETE = "complete"
    RESOLVED_MANUALLY = "resolved_manually"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def is_success(self) -> bool:
        """Whether every step is done."""
        return self in (TaskStatus.COMPLETE, TaskStatus.RESOLVED_MANUALLY)

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes the task any more."""
        return self.is_success or self in (TaskStatus.ERROR, TaskStatus.CANCELLED)

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens by itself: the task has ended, or is blocked."""
        return self.has_ended or self is TaskStatus.BLOCKED_BY_FAILURES


@unique
class ExecutionStatus(Word):
    """What a task is doing."""

    HAS_READY_STEPS = "has_ready_steps"
    PROCESSING = "processing"
    WAITING_FOR_DEPENDENCIES = "waiting_for_dependencies"
    BLOCKED_BY_FAILURES = "blocked_by_failures"
    ALL_COMPLETE = "all_complete"


@unique
class StepState(Word):
    """Where a step stands."""

    PENDING = "pending"
    ENQUEUED = "enqueued"
    IN_PROGRESS = "in_progress"
    WAITING_FOR_RETRY = "waiting_for_retry"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"
    RESOLVED_MANUALLY = "resolved_manually"


@unique
class StepAction(Word):
    """What an operator has done to a step."""

    RETRY = "retry"
    RESOLVE = "resolve"
    COMPLETE = "complete"


@unique
class TemplateAction(Word):
    """What an operator has done to a version of a template."""

    RETIRE = "retire"
    RESTORE = "restore"
    SET_DEFAULT = "set_default"
    CLEAR_DEFAULT = "clear_default"


@unique
class HistoryOutcome(Word):
    """How an attempt ended, or what an operator did."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    LATE = "late"
    RETRIED = "retried"
    RESOLVED = "resolved"
    COMPLETED = "completed"


@unique
class StepType(Word):
    """How a step takes part in the graph."""

    STANDARD = "standard"
    DECISION = "decision"
    DEFERRED_CONVERGENCE = "deferred_convergence"
    BATCHABLE = "batchable"
    BATCH_WORKER = "batch_worker"


@unique
class Backoff(Word):
    """How the pauses between attempts grow."""

    NONE = "none"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    FIBONACCI = "fibonacci"


@unique
class OnFailure(Word):
    """What a step's final failure does to its task."""

    BLOCK = "block"
    FAIL = "fail"


@unique
class ErrorCode(Word):
    """What kind of error; docs/errors.md has a line for each."""

    MALFORMED_JSON = "MALFORMED_JSON"
    INVALID_REQUEST = "INVALID_REQUEST"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    CONTEXT_TOO_LARGE = "CONTEXT_TOO_LARGE"
    CONTEXT_INVALID = "CONTEXT_INVALID"
    NOT_FOUND = "NOT_FOUND"
    TEMPLATE_NOT_FOUND = "TEMPLATE_NOT_FOUND"
    TEMPLATE_CONFLICT = "TEMPLATE_CONFLICT"
    TEMPLATE_INVALID = "TEMPLATE_INVALID"
    TEMPLATE_RETIRED = "TEMPLATE_RETIRED"
    TEMPLATE_STATE_CONFLICT = "TEMPLATE_STATE_CONFLICT"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    STEP_NOT_FOUND = "STEP_NOT_FOUND"
    TASK_ENDED = "TASK_ENDED"
    STEP_STATE_CONFLICT = "STEP_STATE_CONFLICT"
    OUTCOME_INVALID = "OUTCOME_INVALID"
    ATTEMPT_NOT_OPEN = "ATTEMPT_NOT_OPEN"
    RESULT_NOT_FOUND = "RESULT_NOT_FOUND"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    IDEMPOTENCY_KEY_INVALID = "IDEMPOTENCY_KEY_INVALID"
    RECORD_REFUSED = "RECORD_REFUSED"
    UNAUTHORIZED = "UNAUTHORIZED"
    ORIGIN_REFUSED = "ORIGIN_REFUSED"
    HOST_REFUSED = "HOST_REFUSED"
    UNAVAILABLE = "UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    COMMIT_TIMEOUT = "COMMIT_TIMEOUT"
    PROTOCOL_VERSION = "PROTOCOL_VERSION"
    UNEXPECTED_MESSAGE = "UNEXPECTED_MESSAGE"
    INTERNAL = "INTERNAL"
