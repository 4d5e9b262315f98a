"""The workflows' handlers, under the names that their templates give."""

from error_scenarios.step_handlers.flaky_step_handler import FlakyStepHandler
from error_scenarios.step_handlers.permanent_error_step_handler import PermanentErrorStepHandler
from error_scenarios.step_handlers.retry_after_step_handler import RetryAfterStepHandler
from error_scenarios.step_handlers.retryable_error_step_handler import RetryableErrorStepHandler
from error_scenarios.step_handlers.success_step_handler import SuccessStepHandler
from error_scenarios.step_handlers.timeout_step_handler import TimeoutStepHandler
from error_scenarios.step_handlers.unexpected_exception_step_handler import (
    UnexpectedExceptionStepHandler,
)
from error_scenarios.step_handlers.unserialisable_result_step_handler import (
    UnserialisableResultStepHandler,
)

__all__ = [
    "FlakyStepHandler",
    "PermanentErrorStepHandler",
    "RetryAfterStepHandler",
    "RetryableErrorStepHandler",
    "SuccessStepHandler",
    "TimeoutStepHandler",
    "UnexpectedExceptionStepHandler",
    "UnserialisableResultStepHandler",
]
