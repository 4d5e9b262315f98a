"""What is to go wrong in a run, each fault at one attempt of one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasker_core import outcome
from tasker_core.dispatch import AttemptRef
from tasker_core.types import StepHandlerCallResult


@dataclass(frozen=True, slots=True)
class Fail:
    """The attempt fails like this; its handler is not called."""

    error: BaseException | StepHandlerCallResult

    def outcome(self, ref: AttemptRef) -> bytes:
        """What the worker sends."""
        if isinstance(self.error, BaseException):
            return outcome.of_exception(ref, self.error)
        return outcome.of_return(ref, self.error)


@dataclass(frozen=True, slots=True)
class TimeOut:
    """The handler is called, and its time limit passes before it ends.

    `late`: the worker does not notice either, so the engine ends the attempt, and then the outcome
    of the handler comes after all.
    """

    late: bool


@dataclass(frozen=True, slots=True)
class CrashWorker:
    """The worker's process dies before the handler is called, or before its outcome is sent."""

    after: bool


@dataclass(frozen=True, slots=True)
class CrashEngine:
    """The engine's process dies while the handler has not been called yet, or with its outcome.

    `committed`: it dies when the outcome is durable and nobody was told so.
    """

    after: bool
    committed: bool = False


@dataclass(frozen=True, slots=True)
class DeliverTwice:
    """The outcome arrives twice."""


Fault = Fail | TimeOut | CrashWorker | CrashEngine | DeliverTwice

Place = tuple[str, int]
"""A step's name and the number of an attempt."""


def shown(faults: Mapping[Place, Any]) -> str:
    """The faults, for people."""
    return ", ".join(
        f"{type(fault).__name__} at attempt {attempt} of {step}"
        for (step, attempt), fault in faults.items()
    )
