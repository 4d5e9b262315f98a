"""AsyncTaskerClient with a real engine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from running_system import TOKEN, System

from tasker_core.client import (
    AsyncTaskerClient,
    CreateTask,
    NotFoundError,
    StillRunningError,
    TaskStatus,
    UnauthorizedError,
)

LINEAR = ("linear_workflow_py", "mathematical_sequence_py")
BLOCKED = ("error_testing_py", "permanent_error_only_py")
ACT: dict[str, Any] = {"reason": "it is paid", "by": "ada"}

Run = Callable[[Callable[[AsyncTaskerClient], Awaitable[Any]]], Any]


@pytest.fixture
def run(system: System) -> Run:
    """Runs a coroutine with a client."""

    def started(use: Callable[[AsyncTaskerClient], Awaitable[Any]]) -> Any:
        async def used() -> Any:
            async with AsyncTaskerClient(system.url, TOKEN) as client:
                return await use(client)

        return asyncio.run(used())

    return started


def test_tasks_run_side_by_side_to_their_results(run: Run) -> None:
    async def use(client: AsyncTaskerClient) -> list[Any]:
        async def result(number: int) -> Any:
            task = await client.create_task(*LINEAR, {"even_number": number})
            assert (await client.wait(task.task_uuid)).status is TaskStatus.COMPLETE
            return (await client.list_steps(task.task_uuid))[-1].results

        return await asyncio.gather(*(result(number) for number in (6, 10)))

    assert run(use) == [{"result": 69}, {"result": 165}]


def test_a_task_is_followed_to_its_end(run: Run) -> None:
    async def use(client: AsyncTaskerClient) -> list[Any]:
        task = await client.create_task(*LINEAR, {"even_number": 6})
        return [event async for event in client.follow(task.task_uuid)]

    events = run(use)
    done = [
        event.step_name for event in events if event.kind == "step" and event.state == "complete"
    ]
    assert done == [f"linear_step_{number}" for number in (1, 2, 3, 4)]
    assert events[-1].status is TaskStatus.COMPLETE


def test_a_blocked_task_is_mended_or_cancelled(run: Run) -> None:
    async def use(client: AsyncTaskerClient) -> list[Any]:
        tasks = [await client.create_task(*BLOCKED, {}, wait=60) for _ in range(4)]
        ids = [(task.task_uuid, (await client.list_steps(task.task_uuid))[0]) for task in tasks]
        steps = [(task, step.step_uuid) for task, step in ids]
        await client.complete_step(*steps[0], results=[1], **ACT)
        await client.resolve_step(*steps[1], **ACT)
        await client.retry_step(*steps[2], **ACT)
        await client.cancel_task(steps[3][0])
        ended = [await client.wait(task, timeout=60) for task, _ in steps]
        history = (await client.get_step(*steps[2])).history
        assert [entry.outcome for entry in history or ()] == ["failed", "retried", "failed"]
        return [task.status for task in ended]

    assert run(use) == [
        TaskStatus.RESOLVED_MANUALLY,
        TaskStatus.RESOLVED_MANUALLY,
        TaskStatus.BLOCKED_BY_FAILURES,
        TaskStatus.CANCELLED,
    ]


def test_a_wait_ends_with_its_time(run: Run) -> None:
    async def use(client: AsyncTaskerClient) -> Any:
        task = await client.create_task("error_testing_py", "retry_after_py", {})
        with pytest.raises(StillRunningError) as raised:
            await client.wait(task.task_uuid, timeout=0.05)
        assert raised.value.task.task_uuid == task.task_uuid
        return (await client.wait(task.task_uuid)).status

    assert run(use) is TaskStatus.COMPLETE


def test_lists_batches_and_the_fleet(run: Run) -> None:
    async def use(client: AsyncTaskerClient) -> None:
        tasks = [
            CreateTask(namespace=LINEAR[0], name=LINEAR[1], context={}, tags=("async",))
            for _ in range(3)
        ]
        created = await client.create_tasks(tasks)
        made = [item.task.task_uuid for item in created if item.task is not None]
        listed = [task.task_uuid async for task in client.list_tasks(tag="async")]
        assert sorted(listed) == sorted(made)
        assert len((await client.list_tasks_page(tag="async", limit=2)).tasks) == 2
        assert (await client.template(*LINEAR)) in (await client.templates())
        assert [worker.worker_id for worker in await client.workers()] == ["worker-1"]
        assert (await client.health()).reasons == ()
        assert await client.is_live()
        assert await client.is_ready()
        assert (await client.openapi())["info"]["title"] == "Tasker"
        with pytest.raises(NotFoundError, match="TASK_NOT_FOUND"):
            await client.get_task("00000000-0000-0000-0000-000000000000")

    run(use)


def test_a_wrong_token_is_told(system: System) -> None:
    async def use() -> None:
        async with AsyncTaskerClient(system.url, "wrong") as client:
            with pytest.raises(UnauthorizedError):
                await client.workers()

    asyncio.run(use())
