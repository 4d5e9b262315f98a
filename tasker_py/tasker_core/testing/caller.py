"""Calls handlers in the test's own thread, as a worker calls them on its threads and its loop."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from tasker_core.attempt import invoke, invoke_async, prepare
from tasker_core.errors import WorkflowTestError
from tasker_core.fetching import Source
from tasker_core.logs import attempts_bound
from tasker_core.serialization import integers_of_any_size
from tasker_core.testing.faults import Place
from tasker_core.testing.handlers import StepHandlers
from tasker_core.testing.interrupts import is_for_the_test


class Caller:
    """Gives the outcomes of handlers. All async ones share one event loop, which runs only then."""

    def __init__(self, handlers: StepHandlers) -> None:
        self._handlers = handlers
        self._loop: asyncio.AbstractEventLoop | None = None
        self.before_call: Callable[[Place], None] = lambda _place: None
        """Told of each attempt whose handler is about to be called."""

    def call(self, dispatch: dict[str, Any], source: Source) -> bytes:
        """The outcome message of this dispatch; `source` has the results that it leaves out.

        Raises what the handler raises for whoever runs the test.
        """
        step_name: str = dispatch["step_name"]
        attempt = prepare(self._handlers.of(step_name), dispatch, source=source)
        if isinstance(attempt, bytes):
            return attempt
        self.before_call((step_name, attempt.ref.attempt))
        with attempts_bound(), integers_of_any_size():
            if not attempt.is_async:
                return invoke(attempt, is_for_the_test)
            # Here, because a worker does it on a thread.
            attempt.sequence.load()
            return self._own_loop().run_until_complete(invoke_async(attempt, is_for_the_test))

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        if asyncio._get_running_loop() is not None:
            raise WorkflowTestError(
                "async handlers are run on a loop of the test's own, which cannot run within "
                "another: run the workflow from a test that is not async"
            )
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            weakref.finalize(self, self._loop.close)
        return self._loop
