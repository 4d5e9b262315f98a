"""Tasks that task handlers start, with a real engine."""

import asyncio

import pytest
from pydantic import BaseModel
from running_system import TOKEN, System

from tasker_core.client import AsyncTaskerClient, StillRunningError, TaskerClient, TaskStatus
from tasker_core.errors import NoResultsError
from tasker_core.task_handler import TaskHandlerBase


class EvenNumber(BaseModel):
    even_number: int


class Number(BaseModel):
    result: int


class LinearResults(BaseModel):
    linear_step_4: Number


class LinearWorkflowHandler(TaskHandlerBase[EvenNumber, LinearResults]):
    namespace = "linear_workflow_py"
    name = "mathematical_sequence_py"
    version = "1.0.0"


class Items(BaseModel):
    total_items: int


class Sum(BaseModel):
    total: int
    worker_count: int


class BatchResults(BaseModel):
    sum_items: Sum
    process_items: list[dict[str, int]] = []


class BatchHandler(TaskHandlerBase[Items, BatchResults]):
    namespace = "batch_processing_py"
    name = "large_batch_py"
    version = "1.0.0"


class Nothing(BaseModel):
    pass


class PermanentErrorOnlyHandler(TaskHandlerBase[Nothing, Nothing]):
    namespace = "error_testing_py"
    name = "permanent_error_only_py"
    version = "1.0.0"


def test_a_task_is_started_waited_for_and_read(client: TaskerClient) -> None:
    handle = LinearWorkflowHandler.start(client, even_number=6)
    assert handle.wait(timeout=60).status is TaskStatus.COMPLETE
    assert handle.results.linear_step_4.result == 69
    assert handle.task.context == {"even_number": 6}


def test_a_key_gives_the_first_task_again(client: TaskerClient) -> None:
    context = EvenNumber(even_number=10**40)
    handles = [
        LinearWorkflowHandler.start(client, context, idempotency_key="typed-17", tags=["typed"])
        for _ in range(2)
    ]
    assert handles[0].task_uuid == handles[1].task_uuid
    assert handles[1].wait().results.linear_step_4.result == (10**80 + 10) * 3 // 2
    assert handles[1].task.tags == ("typed",)


def test_coroutines_wait_side_by_side(system: System) -> None:
    async def sums() -> list[BatchResults]:
        async def sum_of(client: AsyncTaskerClient, items: int) -> BatchResults:
            handle = await BatchHandler.start(client, Items(total_items=items), priority=1)
            await handle.wait(timeout=60)
            return handle.results

        async with AsyncTaskerClient(system.url, TOKEN) as client:
            return await asyncio.gather(*(sum_of(client, items) for items in (0, 1500)))

    none, some = asyncio.run(sums())
    assert none == BatchResults(sum_items=Sum(total=0, worker_count=0))
    assert some.sum_items == Sum(total=1_125_750, worker_count=2)
    assert [batch["processed_count"] for batch in some.process_items] == [750, 750]


def test_a_blocked_task_has_no_results(client: TaskerClient) -> None:
    handle = PermanentErrorOnlyHandler.start(client).wait(timeout=60)
    assert handle.status is TaskStatus.BLOCKED_BY_FAILURES
    with pytest.raises(NoResultsError, match="it is blocked_by_failures\n  permanent_error_step"):
        _ = handle.results


def test_a_task_that_is_not_done_in_time_is_still_running(client: TaskerClient) -> None:
    handle = LinearWorkflowHandler.start(client, even_number=6)
    with pytest.raises(StillRunningError):
        handle.wait(timeout=0)
    assert handle.wait().results.linear_step_4.result == 69
