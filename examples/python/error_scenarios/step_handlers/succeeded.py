"""The success of a step that fails at its first attempts."""

from tasker_core.types import Step, StepHandlerCallResult


def succeeded(step: Step) -> StepHandlerCallResult:
    """The result of an attempt that succeeds: which one it was."""
    return StepHandlerCallResult.success(results={"succeeded_on_attempt": step.attempt})
