"""A task that was started by its task handler: where it stands, and its results as a model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast
from uuid import UUID

from tasker_core.errors import NoResultsError

if TYPE_CHECKING:
    from tasker_core.client import AsyncTaskerClient, Step, Task, TaskerClient, TaskStatus
    from tasker_core.task_handler.base import TaskHandlerBase

Results = TypeVar("Results")


class _Handle(Generic[Results]):
    """What both handles know of their task."""

    def __init__(self, handler: "type[TaskHandlerBase[Any, Any]]", task: "Task") -> None:
        self._handler = handler
        self._task = task
        self._steps: Sequence[Step] | None = None
        self._results: Results | None = None

    @property
    def task(self) -> "Task":
        """The task as it was when the handle was made, or last waited."""
        return self._task

    @property
    def task_uuid(self) -> UUID:
        """Which task it is."""
        return self._task.task_uuid

    @property
    def status(self) -> "TaskStatus":
        """The status of `task`."""
        return self._task.status

    @property
    def results(self) -> Results:
        """What the steps returned that nothing depends on, once `wait` has seen the task succeed.

        NoResultsError when it has not, with what holds the task up, and for results that do not fit
        the model.
        """
        if self._results is None:
            self._results = self._read()
        return self._results

    def _read(self) -> Results:
        title = f"the task {self.task_uuid} of {self._handler.__qualname__}"
        if self._steps is None:
            reasons = "".join(f"\n  {reason}" for reason in self._task.waiting_on)
            was_seen = self.status.is_settled and not self.status.is_success
            remedy = "" if was_seen else "; call `wait` first"
            raise NoResultsError(f"{title} has no results: it is {self.status}{remedy}{reasons}")
        # Not at the top: this takes pydantic.
        from tasker_core.task_handler.results import read_results

        returned = {step.step_name: step.results for step in self._steps}
        return cast("Results", read_results(self._handler, returned, title))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self._handler.__qualname__} {self.task_uuid}: {self.status}>"
        )


class TaskHandle(_Handle[Results]):
    """A task, by a client that waits."""

    def __init__(
        self, handler: "type[TaskHandlerBase[Any, Any]]", client: "TaskerClient", task: "Task"
    ) -> None:
        super().__init__(handler, task)
        self._client = client

    def wait(self, timeout: float | None = None) -> Self:
        """This handle when the task has ended or is blocked; `results` are there if it succeeded.

        StillRunningError after `timeout` seconds.
        """
        self._task = self._client.wait(self.task_uuid, timeout)
        if self.status.is_success:
            self._steps = self._client.list_steps(self.task_uuid)
        return self


class AsyncTaskHandle(_Handle[Results]):
    """A task, by a client for coroutines."""

    def __init__(
        self, handler: "type[TaskHandlerBase[Any, Any]]", client: "AsyncTaskerClient", task: "Task"
    ) -> None:
        super().__init__(handler, task)
        self._client = client

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109, it is the engine that waits
    ) -> Self:
        """As TaskHandle's."""
        self._task = await self._client.wait(self.task_uuid, timeout)
        if self.status.is_success:
            self._steps = await self._client.list_steps(self.task_uuid)
        return self
