"""The typed faces of the error scenarios, one for each template."""

from typing import TypeVar

from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase

Context = TypeVar("Context", bound=BaseModel)
Results = TypeVar("Results", bound=BaseModel)


class ErrorScenario(TaskHandlerBase[Context, Results]):
    """What the scenarios have in common; each has a name of its own."""

    namespace = "error_testing_py"
    version = "1.0.0"


class Nothing(BaseModel):
    """A context that says nothing; the results of a workflow that never succeeds."""


class Patience(BaseModel):
    """How often the step is to be tried."""

    succeed_on_attempt: int


class Parts(BaseModel):
    """What is divided by."""

    parts: int


class Success(BaseModel):
    """What success_step returns."""

    status: str


class SucceededOnAttempt(BaseModel):
    """What a step returns that has failed before."""

    succeeded_on_attempt: int


class Share(BaseModel):
    """What unexpected_exception_step returns."""

    share: float


class SuccessResults(BaseModel):
    """Of success_only_py."""

    success_step: Success


class FlakyResults(BaseModel):
    """Of retry_then_succeed_py."""

    flaky_step: SucceededOnAttempt


class RetryAfterResults(BaseModel):
    """Of retry_after_py."""

    retry_after_step: SucceededOnAttempt


class TimeoutResults(BaseModel):
    """Of timeout_py."""

    timeout_step: SucceededOnAttempt


class ShareResults(BaseModel):
    """Of unexpected_exception_py."""

    unexpected_exception_step: Share


class SuccessOnlyHandler(ErrorScenario[Nothing, SuccessResults]):
    """Nothing goes wrong."""

    name = "success_only_py"


class PermanentErrorOnlyHandler(ErrorScenario[Nothing, Nothing]):
    """A failure that no further attempt can mend."""

    name = "permanent_error_only_py"


class RetryableErrorOnlyHandler(ErrorScenario[Nothing, Nothing]):
    """A failure that each attempt meets anew."""

    name = "retryable_error_only_py"


class RetryThenSucceedHandler(ErrorScenario[Patience, FlakyResults]):
    """Fails until the attempt that the context names."""

    name = "retry_then_succeed_py"


class RetryAfterHandler(ErrorScenario[Nothing, RetryAfterResults]):
    """A failure that says when to try again."""

    name = "retry_after_py"


class TimeoutHandler(ErrorScenario[Nothing, TimeoutResults]):
    """The first attempt takes longer than it may."""

    name = "timeout_py"


class ErrorTestingHandler(ErrorScenario[Nothing, Nothing]):
    """One success, one permanent failure, one that is tried again in vain."""

    name = "error_testing_py"


class UnexpectedExceptionHandler(ErrorScenario[Parts, ShareResults]):
    """An exception that nobody foresaw is tried again."""

    name = "unexpected_exception_py"


class UnserialisableResultHandler(ErrorScenario[Nothing, Nothing]):
    """A result that JSON has no place for."""

    name = "unserialisable_result_py"
