"""The base class of handlers."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

from tasker_core.types import EMPTY, Sequence, Step, StepHandlerCallResult, Task


class DumpsItself(Protocol):
    """What pydantic models have in common, for handlers that import no pydantic."""

    @property
    def model_dump(self) -> Callable[..., Any]:
        """Gives what JSON is made of."""


Returned = StepHandlerCallResult | Mapping[str, Any] | DumpsItself
"""What a handler may return."""


class StepHandlerBase:
    """A step's code. One instance is made for each attempt, so `self` is never shared.

    The worker calls `call`, or the method that the template names, which has the same parameters;
    it may be `async def`. A mapping or a pydantic model that it returns is a success with these
    results. An exception fails the attempt: `PermanentError` for good, any other so that the step
    is tried again.
    """

    configuration: Mapping[str, Any] = EMPTY
    """`initialization` of the step's handler in the template."""

    def prepare(self, step: Step) -> None:
        """Takes over what the template says of the step. The worker calls it before the method."""
        self.configuration = step.configuration

    @classmethod
    def asks_for(cls) -> Collection[str] | None:
        """The ancestors whose results `call` may ask for; None stands for any of them."""
        return None

    def call(self, task: Task, sequence: Sequence, step: Step) -> Returned | Awaitable[Returned]:
        """Makes one attempt of the step."""
        raise NotImplementedError(f"{type(self).__qualname__} does not define call")
