"""The client for coroutines."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from tasker_core.client import operations
from tasker_core.client.bodies import CreateTask
from tasker_core.client.call import Call
from tasker_core.client.connection import ANSWER_SECONDS, AsyncConnection
from tasker_core.client.endpoint import find_endpoints
from tasker_core.client.event_stream import EventStream
from tasker_core.client.fleet import Health, Template, Worker
from tasker_core.client.flow import Flows
from tasker_core.client.models import CreatedTask, Step, Task, TaskEvent, TaskPage, TaskSummary
from tasker_core.client.operations import TaskFilters, TaskId, TaskOptions
from tasker_core.client.retry import LIMIT_SECONDS
from tasker_core.client.states import TemplateAction

T = TypeVar("T")


class AsyncTaskerClient:
    """As TaskerClient, for coroutines of one event loop.

    Close it, or use it in an `async with` statement.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retry_seconds: float = LIMIT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """As TaskerClient's."""
        self.endpoints = find_endpoints(url, token, os.environ)
        self._flows = Flows(
            retry_seconds=retry_seconds, clock=clock, random=chance, addresses=len(self.endpoints)
        )
        self._connection = AsyncConnection(self.endpoints, answer_seconds, transport, sleep)

    async def close(self) -> None:
        """Gives up its connections."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def create_task(
        self,
        namespace: str,
        name: str,
        context: Any,
        *,
        wait: float | None = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """Creates a task, which is durable then.

        `context` is anything that a handler may return. With `wait`, gives the task when it has
        ended or is blocked, or after so many seconds as it then is. Of the options,
        `idempotency_key` makes the call safe to repeat: a second one gives the first one's task.

        NotFoundError: no such template; InvalidRequestError: the context breaks its input_schema;
        ConflictError: the key has created a task from another body; SerializationError: JSON
        cannot hold the context.
        """
        call = operations.create_task(namespace, name, context, **options)
        return await self._connection.run(self._flows.create(call, wait))

    async def create_tasks(self, tasks: Iterable[CreateTask]) -> tuple[CreatedTask, ...]:
        """Creates up to 1,000 tasks in one commit; gives what became of each, in their order."""
        return (await self._call(operations.create_tasks(tasks))).results

    async def get_task(self, task_uuid: TaskId, wait: float | None = None) -> Task:
        """The task; with `wait` as in `create_task`. NotFoundError when there is none."""
        return await self._connection.run(self._flows.task(task_uuid, wait))

    async def wait(
        self,
        task_uuid: TaskId,
        timeout: float | None = None,  # noqa: ASYNC109, it is the engine that waits
    ) -> Task:
        """The task when it has ended or is blocked. StillRunningError after `timeout` seconds."""
        return await self._connection.run(self._flows.wait(task_uuid, timeout))

    async def list_tasks(self, **filters: Unpack[TaskFilters]) -> AsyncIterator[TaskSummary]:
        """Every task that the filters leave, newest first; reads a page when it is needed."""
        cursor: str | None = None
        while True:
            page = await self.list_tasks_page(cursor=cursor, **filters)
            for task in page.tasks:
                yield task
            cursor = page.next_cursor
            if cursor is None:
                return

    async def list_tasks_page(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        **filters: Unpack[TaskFilters],
    ) -> TaskPage:
        """A page of that list, from a page's `next_cursor` on; of at most `limit` (100) tasks."""
        return await self._call(operations.list_tasks(cursor, limit, **filters))

    async def cancel_task(self, task_uuid: TaskId) -> Task:
        """Cancels the task. ConflictError when it has ended."""
        return await self._call(operations.cancel_task(task_uuid))

    async def list_steps(self, task_uuid: TaskId) -> list[Step]:
        """Every step of the task, in creation order."""
        return await self._connection.run(self._flows.steps(task_uuid))

    async def get_step(self, task_uuid: TaskId, step_uuid: TaskId, *, logs: bool = False) -> Step:
        """One step with its history and, with `logs`, what each attempt's handler logged."""
        return await self._call(operations.get_step(task_uuid, step_uuid, logs))

    async def retry_step(
        self, task_uuid: TaskId, step_uuid: TaskId, *, reason: str, by: str
    ) -> Step:
        """Runs a step in error again at once, with as many attempts as the template gives.

        `reason` and who it is `by` are kept in its history. ConflictError when the step's state
        forbids it; so for `resolve_step` and `complete_step`.
        """
        return await self._call(operations.retry_step(task_uuid, step_uuid, reason=reason, by=by))

    async def resolve_step(
        self, task_uuid: TaskId, step_uuid: TaskId, *, reason: str, by: str
    ) -> Step:
        """Declares a step in error done, without results."""
        return await self._call(operations.resolve_step(task_uuid, step_uuid, reason=reason, by=by))

    async def complete_step(
        self,
        task_uuid: TaskId,
        step_uuid: TaskId,
        *,
        reason: str,
        by: str,
        results: Any = None,
        create_steps: Sequence[str] | None = None,
        batches: Sequence[Mapping[str, Any]] | None = None,
    ) -> Step:
        """Gives what a step's handler would have: results, and what a decision creates or batches.

        InvalidRequestError when its handler could not have given that.
        """
        return await self._call(
            operations.complete_step(
                task_uuid,
                step_uuid,
                reason=reason,
                by=by,
                results=results,
                create_steps=create_steps,
                batches=batches,
            )
        )

    def follow(
        self, task_uuid: TaskId, *, last_event_id: str | None = None
    ) -> AsyncIterator[TaskEvent]:
        """Every change of the task and its steps from the first on, as it happens.

        Goes on where a connection broke off; ends when the task has ended. A blocked task has not:
        break off yourself.
        """
        return self._connection.follow(EventStream(task_uuid, self._flows, last_event_id))

    async def templates(self) -> tuple[Template, ...]:
        """Every version of every template that is registered."""
        return (await self._call(operations.templates())).templates

    async def template(self, namespace: str, name: str, version: str | None = None) -> Template:
        """A version of a template; without one the default, which a task without one takes.

        NotFoundError for none; ConflictError when every release is retired.
        """
        return await self._call(operations.template(namespace, name, version))

    async def retire_template(
        self, namespace: str, name: str, version: str, *, reason: str, by: str
    ) -> Template:
        """Keeps new tasks from taking a version, also those that name it; running tasks go on.

        `reason` and who it is `by` are shown with the version. What is so already stays as it is.
        ConflictError for the version that was named the default.
        """
        return await self._call(
            operations.mark_template(TemplateAction.RETIRE, namespace, name, version, reason, by)
        )

    async def restore_template(
        self, namespace: str, name: str, version: str, *, reason: str, by: str
    ) -> Template:
        """Lets new tasks take a retired version again."""
        return await self._call(
            operations.mark_template(TemplateAction.RESTORE, namespace, name, version, reason, by)
        )

    async def set_default_template(
        self, namespace: str, name: str, version: str, *, reason: str, by: str
    ) -> Template:
        """Has tasks without a version take this one, whatever is registered later.

        ConflictError for a retired version.
        """
        return await self._call(
            operations.mark_template(
                TemplateAction.SET_DEFAULT, namespace, name, version, reason, by
            )
        )

    async def clear_default_template(
        self, namespace: str, name: str, version: str, *, reason: str, by: str
    ) -> Template:
        """Takes `set_default_template` back: the highest release counts that is not retired.

        ConflictError when another version is the one that was named.
        """
        return await self._call(
            operations.mark_template(
                TemplateAction.CLEAR_DEFAULT, namespace, name, version, reason, by
            )
        )

    async def workers(self) -> tuple[Worker, ...]:
        """The workers that have a session with this engine."""
        return (await self._call(operations.workers())).workers

    async def health(self) -> Health:
        """Whether the engine is ready, and if not, why: which is no error. Asked once."""
        return await self._call(operations.health())

    async def is_live(self) -> bool:
        """Whether an engine answers. Asked once."""
        return await self._connection.run(self._flows.answers_well(operations.is_live()))

    async def is_ready(self) -> bool:
        """Whether an engine answers, and is ready. Asked once."""
        return await self._connection.run(self._flows.answers_well(operations.is_ready()))

    async def openapi(self) -> Any:
        """The API's own description, an OpenAPI 3.1 document."""
        return await self._call(operations.openapi())

    async def _call(self, call: Call[T]) -> T:
        return await self._connection.run(self._flows.call(call))
