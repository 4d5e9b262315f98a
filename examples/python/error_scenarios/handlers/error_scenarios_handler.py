"""The typed faces of the error scenarios, one for each template."""

from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase

NAMESPACE = "error_testing_py"


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


class SuccessOnlyHandler(TaskHandlerBase[Nothing, SuccessResults]):
    """Nothing goes wrong."""

    namespace = NAMESPACE
    name = "success_only_py"
    version = "1.0.0"


class PermanentErrorOnlyHandler(TaskHandlerBase[Nothing, Nothing]):
    """A failure that no further attempt can mend."""

    namespace = NAMESPACE
    name = "permanent_error_only_py"
    version = "1.0.0"


class RetryableErrorOnlyHandler(TaskHandlerBase[Nothing, Nothing]):
    """A failure that each attempt meets anew."""

    namespace = NAMESPACE
    name = "retryable_error_only_py"
    version = "1.0.0"


class RetryThenSucceedHandler(TaskHandlerBase[Patience, FlakyResults]):
    """Fails until the attempt that the context names."""

    namespace = NAMESPACE
    name = "retry_then_succeed_py"
    version = "1.0.0"


class RetryAfterHandler(TaskHandlerBase[Nothing, RetryAfterResults]):
    """A failure that says when to try again."""

    namespace = NAMESPACE
    name = "retry_after_py"
    version = "1.0.0"


class TimeoutHandler(TaskHandlerBase[Nothing, TimeoutResults]):
    """The first attempt takes longer than it may."""

    namespace = NAMESPACE
    name = "timeout_py"
    version = "1.0.0"


class ErrorTestingHandler(TaskHandlerBase[Nothing, Nothing]):
    """One success, one permanent failure, one that is tried again in vain."""

    namespace = NAMESPACE
    name = "error_testing_py"
    version = "1.0.0"


class UnexpectedExceptionHandler(TaskHandlerBase[Parts, ShareResults]):
    """An exception that nobody foresaw is tried again."""

    namespace = NAMESPACE
    name = "unexpected_exception_py"
    version = "1.0.0"


class UnserialisableResultHandler(TaskHandlerBase[Nothing, Nothing]):
    """A result that JSON has no place for."""

    namespace = NAMESPACE
    name = "unserialisable_result_py"
    version = "1.0.0"
