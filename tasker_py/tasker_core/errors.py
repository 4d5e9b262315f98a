"""Every error that Tasker raises, in one hierarchy; `tasker_core.client.errors` has the API's."""

from collections.abc import Mapping
from typing import Any


class TaskerError(Exception):
    """Whatever goes wrong in Tasker or is reported through it.

    It can be handed from one process to another, subclasses with a constructor of their own too.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would call the class with the message alone.
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[TaskerError], args: tuple[Any, ...]) -> TaskerError:
    """An error without its fields, which are set next; its constructor has done its work once."""
    error = kind.__new__(kind, *args)
    # An OSError, such as a TimeoutError, leaves this to its constructor.
    error.args = args
    return error


class HandlerError(TaskerError):
    """A failure that a handler raises on purpose; raise one of the two subclasses.

    `error_code` is the handler's own code for programs to act on; `metadata`, a JSON object,
    travels with the failure. One of them that cannot be sent is left out, and the message says so:
    a mistake in it does not hide the failure.
    """

    # Of the class too, for subclasses with a constructor that does not call this one's.
    retryable: bool = True
    error_code: str | None = None
    metadata: Mapping[str, Any] | None = None

    def __init__(
        self,
        message: str,
        *,
        error_code: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.metadata = metadata


class PermanentError(HandlerError):
    """No further attempt can succeed: the step ends in error at once."""

    retryable = False


class RetryableError(HandlerError):
    """Another attempt may succeed. `retry_after`, in seconds, wins over the template's back-off."""

    retryable = True
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        error_code: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, error_code=error_code, metadata=metadata)
        self.retry_after = retry_after


class ResultsUnavailableError(RetryableError):
    """An ancestor's results were not sent with the step and cannot be fetched at present."""

    def __init__(self, step_name: str, reason: str) -> None:
        super().__init__(
            f"the results of {step_name!r} cannot be fetched: {reason}",
            error_code="RESULTS_UNAVAILABLE",
        )


class InvalidInputError(PermanentError):
    """The context or an ancestor's results do not fit the model that a typed handler declares.

    The message lists what is wrong; `metadata["violations"]` has it for programs:
    `{"path", "message", "type"}` each.
    """


class NotBeforeStepError(PermanentError, KeyError):
    """A handler asks for the results of a step that did not run before its own; so will the next
    attempt. A KeyError too, as any mapping raises it."""

    __str__ = Exception.__str__


class InvalidResultError(PermanentError):
    """What a handler gives back can be no result of its step; the message says what is wrong."""


class HandlerNotFoundError(TaskerError):
    """A callable names no handler: it cannot be imported, or is something else."""

    def __init__(self, callable_name: str, reason: str) -> None:
        super().__init__(f"no handler for the callable {callable_name!r}: {reason}")
        self.callable_name = callable_name


class InvalidHandlerError(HandlerNotFoundError):
    """What the callable names cannot be run; the message says why, where, and what is wanted."""


class DeclarationError(TaskerError):
    """A typed handler does not say which models it takes and gives, or pydantic knows them not."""


class NoResultsError(TaskerError):
    """A task has no results: it has not succeeded, or they do not fit its task handler's model."""


class HandlerConflictError(TaskerError, ValueError):
    """A name is to stand for two handlers."""


class SerializationError(TaskerError):
    """A value that JSON cannot hold; the message says which, and where it is."""


class ConfigurationError(TaskerError):
    """An option or environment variable is wrong; the message says which and how to set it."""


class DevError(TaskerError):
    """`tasker dev` cannot go on; the message says why and what to do."""


class WorkflowTestError(TaskerError):
    """A workflow test asks for what cannot be; the message says what, and what could be."""


class NotIdempotentError(TaskerError, AssertionError):
    """Handlers that do more, or other, when they run again; the message says which and what."""


class RefusedError(TaskerError):
    """In a workflow test: what the engine's API would refuse.

    `code` is one of docs/errors.md, `message` a sentence, `details` values for programs.
    """

    def __init__(self, code: str, message: str, details: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


class NativeError(TaskerError):
    """The native library reports an error; one subclass for each of its codes."""


class InvalidArgumentError(NativeError):
    """An argument or a template is wrong; the message says which."""


class WorkerStoppedError(NativeError):
    """The worker has left its session: nothing more will come."""


class OperationFailedError(NativeError):
    """The call could not be carried out, such as a port that is taken."""


class PanicError(NativeError):
    """A bug in Tasker itself."""
