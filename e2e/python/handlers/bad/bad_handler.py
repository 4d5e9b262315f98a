"""Handlers that do the deed that `context.deed` names, and some that never return."""

import asyncio
from typing import Any

from gates.gate import wait_at_gate

from bad.deeds import DEEDS
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, Task


class BadHandler(StepHandlerBase):
    """Does it on a thread."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        """Whatever comes of it."""
        return DEEDS[task.context["deed"]]()


class AsyncBadHandler(StepHandlerBase):
    """Does it on the event loop."""

    async def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        """Whatever comes of it; `cancel` cancels the handler's own task."""
        if task.context["deed"] == "cancel":
            raise asyncio.CancelledError
        return DEEDS[task.context["deed"]]()


class SlowHandler(StepHandlerBase):
    """Waits at `context.gate`, whatever its time limit."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        """Does not look at `step.cancelled`."""
        wait_at_gate(task, step)
        return {"late": True}


class AsyncSlowHandler(StepHandlerBase):
    """Never returns, but can be cancelled."""

    async def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        """Waits for an event that does not come."""
        await asyncio.Event().wait()
