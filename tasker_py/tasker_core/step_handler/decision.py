"""The base class of decisions: steps that choose which of the steps behind them exist."""

from collections.abc import Iterable, Mapping
from typing import Any

from tasker_core.errors import InvalidResultError
from tasker_core.step_handler.base import StepHandlerBase
from tasker_core.types import StepHandlerCallResult


class DecisionHandler(StepHandlerBase):
    """The handler of a step of type `decision`.

    It names those of the steps that depend on it directly which are to run; the others never
    exist. Deferred convergences are not named: they follow. A name that is no such step fails the
    step for good.
    """

    def create_steps(
        self,
        step_names: Iterable[str],
        *,
        results: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> StepHandlerCallResult:
        """The steps of these names run; the steps behind see `results`, any JSON value."""
        if step_names is None:
            raise InvalidResultError("create_steps takes a list of names, not None: no_branches?")
        return StepHandlerCallResult.success(results, metadata, create_steps=step_names)

    def no_branches(
        self, reason: str, *, results: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> StepHandlerCallResult:
        """None of the steps that depend on this one runs.

        `reason`, for people, is in the metadata, and is the results unless others are given.
        """
        return StepHandlerCallResult.success(
            {"reason": reason} if results is None else results,
            {"reason": reason, **(metadata or {})},
            create_steps=(),
        )
