"""TaskerClient with a real engine."""

import threading
from typing import Any

import pytest

from tasker_core.client import (
    ConflictError,
    CreateTask,
    ErrorCode,
    InvalidRequestError,
    NotFoundError,
    TaskerClient,
    TaskStatus,
    UnauthorizedError,
)

LINEAR = ("linear_workflow_py", "mathematical_sequence_py")
BLOCKED = ("error_testing_py", "permanent_error_only_py")
FLAKY = ("error_testing_py", "retry_then_succeed_py")
ACT: dict[str, Any] = {"reason": "it is paid", "by": "ada"}


def test_a_task_runs_to_its_result(client: TaskerClient) -> None:
    task = client.create_task(
        *LINEAR,
        {"even_number": 6, "big": 6**64, "small": 0.1, "text": "ż\u2028🐢\0"},
        tags=["a", "b"],
        priority=7,
        initiator="ada",
        source_system="shop",
        reason="why not",
        correlation_id="order-17",
        parent_correlation_id="cart-3",
        version="1.0.0",
        wait=60,
    )
    assert task.status is TaskStatus.COMPLETE
    assert task.context == {
        "even_number": 6,
        "big": 6**64,
        "small": 0.1,
        "text": "ż\u2028🐢\0",
    }
    assert (task.tags, task.priority, task.initiator) == (("a", "b"), 7, "ada")
    assert (task.source_system, task.reason) == ("shop", "why not")
    assert (task.correlation_id, task.parent_correlation_id) == ("order-17", "cart-3")
    assert client.wait(task.task_uuid).status is TaskStatus.COMPLETE
    steps = client.list_steps(task.task_uuid)
    assert [step.results["result"] for step in steps] == [36, 46, 138, 69]
    step = client.get_step(task.task_uuid, steps[0].step_uuid, logs=True)
    assert step.history is not None
    (attempt,) = step.history
    assert (attempt.outcome, attempt.worker_id, attempt.error) == ("succeeded", "worker-1", None)


def test_a_key_creates_one_task(client: TaskerClient) -> None:
    tasks = [
        client.create_task(*LINEAR, {"even_number": 2}, idempotency_key="one") for _ in range(2)
    ]
    assert tasks[0].task_uuid == tasks[1].task_uuid
    with pytest.raises(ConflictError) as raised:
        client.create_task(*LINEAR, {"even_number": 4}, idempotency_key="one")
    assert raised.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert raised.value.details == {"task_uuid": str(tasks[0].task_uuid)}


def test_a_batch_creates_what_it_can(client: TaskerClient) -> None:
    wanted = [
        CreateTask(namespace=LINEAR[0], name=name, context={"even_number": 8})
        for name in (LINEAR[1], "mathematical_sequence")
    ]
    created, refused = client.create_tasks(wanted)
    assert created.status == 201
    assert created.task is not None
    assert client.wait(created.task.task_uuid).status is TaskStatus.COMPLETE
    assert refused.error is not None
    assert refused.error.code is ErrorCode.TEMPLATE_NOT_FOUND


def test_tasks_are_listed_over_pages(client: TaskerClient) -> None:
    made = [client.create_task(*LINEAR, {"even_number": 2}, tags=["listed"]) for _ in range(5)]
    newest_first = [task.task_uuid for task in reversed(made)]
    assert [task.task_uuid for task in client.list_tasks(tag="listed")] == newest_first
    page = client.list_tasks_page(tag="listed", limit=2)
    assert [task.task_uuid for task in page.tasks] == newest_first[:2]
    after = client.list_tasks_page(tag="listed", cursor=page.next_cursor, limit=100)
    assert [task.task_uuid for task in after.tasks] == newest_first[2:]
    since = made[3].created_at
    fewer = client.list_tasks(tag="listed", created_after=since, namespace=LINEAR[0])
    assert {task.task_uuid for task in fewer} <= {made[3].task_uuid, made[4].task_uuid}
    assert list(client.list_tasks(tag="listed", name="another")) == []


def test_a_task_is_followed_to_its_end(client: TaskerClient) -> None:
    task = client.create_task(*LINEAR, {"even_number": 6})
    events = list(client.follow(task.task_uuid))
    done = [
        event.step_name for event in events if event.kind == "step" and event.state == "complete"
    ]
    assert done == [f"linear_step_{number}" for number in (1, 2, 3, 4)]
    assert (events[-1].kind, events[-1].raw["status"]) == ("task", "complete")
    # Once more, when all is over.
    assert list(client.follow(task.task_uuid)) == events


def test_a_follower_sees_what_happens_meanwhile(client: TaskerClient) -> None:
    task = client.create_task(*BLOCKED, {}, wait=60)
    seen: list[Any] = []
    blocked = threading.Event()

    def follow() -> None:
        for event in client.follow(task.task_uuid):
            seen.append(event)
            if event.raw.get("status") == "blocked_by_failures":
                blocked.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert blocked.wait(60)
    client.cancel_task(task.task_uuid)
    follower.join(60)
    assert not follower.is_alive()
    assert seen[-1].status is TaskStatus.CANCELLED


def test_a_blocked_task_goes_on_when_its_step_is_completed(client: TaskerClient) -> None:
    task = client.create_task(*BLOCKED, {}, wait=60)
    assert task.status is TaskStatus.BLOCKED_BY_FAILURES
    (step,) = client.list_steps(task.task_uuid)
    assert step.error is not None
    assert (step.error.error_type, step.error.error_code, step.error.retryable) == (
        "PermanentError",
        "INVALID_PAYMENT_METHOD",
        False,
    )
    done = client.complete_step(task.task_uuid, step.step_uuid, results={"paid": 6**64}, **ACT)
    assert done.results == {"paid": 6**64}
    assert client.wait(task.task_uuid, timeout=60).status is TaskStatus.RESOLVED_MANUALLY
    history = client.get_step(task.task_uuid, step.step_uuid).history
    assert history is not None
    assert (history[-1].outcome, history[-1].by) == ("completed", "ada")
    with pytest.raises(ConflictError) as raised:
        client.retry_step(task.task_uuid, step.step_uuid, **ACT)
    assert raised.value.code is ErrorCode.TASK_ENDED


def test_a_blocked_task_goes_on_when_its_step_is_resolved(client: TaskerClient) -> None:
    task = client.create_task(*BLOCKED, {}, wait=60)
    (step,) = client.list_steps(task.task_uuid)
    client.resolve_step(task.task_uuid, step.step_uuid, **ACT)
    assert client.wait(task.task_uuid, timeout=60).status is TaskStatus.RESOLVED_MANUALLY


def test_a_step_that_is_retried_runs_again(client: TaskerClient) -> None:
    task = client.create_task(*FLAKY, {"succeed_on_attempt": 5}, wait=60)
    assert task.status is TaskStatus.BLOCKED_BY_FAILURES
    step = next(step for step in client.list_steps(task.task_uuid) if step.error is not None)
    client.retry_step(task.task_uuid, step.step_uuid, **ACT)
    assert client.wait(task.task_uuid, timeout=60).status is TaskStatus.COMPLETE
    again = client.get_step(task.task_uuid, step.step_uuid)
    assert again.results == {"succeeded_on_attempt": 5}


def test_what_is_wrong_is_told(client: TaskerClient) -> None:
    with pytest.raises(NotFoundError) as raised:
        client.create_task(LINEAR[0], "mathematical_sequence_pi", {})
    assert raised.value.code is ErrorCode.TEMPLATE_NOT_FOUND
    assert "linear_workflow_py/mathematical_sequence_py" in str(raised.value)
    with pytest.raises(InvalidRequestError, match="limit"):
        client.list_tasks_page(limit=1000)
    task = client.create_task(*LINEAR, {"even_number": 2}, wait=60)
    with pytest.raises(ConflictError) as conflict:
        client.cancel_task(task.task_uuid)
    assert conflict.value.details == {"status": "complete"}


def test_templates_workers_and_health(client: TaskerClient) -> None:
    shown = client.template(*LINEAR)
    assert (shown.version, len(shown.steps)) == ("1.0.0", 4)
    assert shown == client.template(*LINEAR, "1.0.0")
    assert shown in client.templates()
    (worker,) = client.workers()
    assert (worker.worker_id, worker.language, worker.slots) == ("worker-1", "python", 128)
    assert client.health().reasons == ()
    assert (client.is_live(), client.is_ready()) == (True, True)
    assert client.openapi()["info"]["title"] == "Tasker"


def test_a_wrong_token_is_told(client: TaskerClient) -> None:
    with (
        TaskerClient(client.endpoints[0].url, "wrong") as other,
        pytest.raises(UnauthorizedError) as raised,
    ):
        other.workers()
    assert raised.value.code is ErrorCode.UNAUTHORIZED
