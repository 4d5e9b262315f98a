"""The workflows' task handlers, under the names that their templates give."""

from error_scenarios.handlers.error_scenarios_handler import (
    ErrorTestingHandler,
    PermanentErrorOnlyHandler,
    RetryableErrorOnlyHandler,
    RetryAfterHandler,
    RetryThenSucceedHandler,
    SuccessOnlyHandler,
    TimeoutHandler,
    UnexpectedExceptionHandler,
    UnserialisableResultHandler,
)

__all__ = [
    "ErrorTestingHandler",
    "PermanentErrorOnlyHandler",
    "RetryAfterHandler",
    "RetryThenSucceedHandler",
    "RetryableErrorOnlyHandler",
    "SuccessOnlyHandler",
    "TimeoutHandler",
    "UnexpectedExceptionHandler",
    "UnserialisableResultHandler",
]
