"""Every operation of the API as a call: what it sends, what it answers, and whether it may repeat.

The documentation of each is with the methods of `TaskerClient`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from tasker_core.client.bodies import ActOnStep, ActOnTemplate, Body, CreateTask, CreateTasks
from tasker_core.client.call import Call, M, path, query, read_model
from tasker_core.client.fleet import Health, Template, TemplateList, WorkerList
from tasker_core.client.models import CreatedTasks, Step, StepPage, Task, TaskPage
from tasker_core.client.states import StepAction, TaskStatus, TemplateAction

TaskId = UUID | str

# Both say the same of health.
_HEALTH_ANSWERS = frozenset({200, 503})


class StartOptions(TypedDict, total=False):
    """What a task may have beside context and version; CreateTask says what each is."""

    initiator: str | None
    source_system: str | None
    reason: str | None
    tags: Sequence[str]
    priority: int
    correlation_id: str | None
    parent_correlation_id: str | None
    idempotency_key: str | None


class TaskOptions(StartOptions, total=False):
    """What a task may have beside its context."""

    version: str | None


class TaskFilters(TypedDict, total=False):
    """What a list of tasks is narrowed down by; all of it holds for each task in it."""

    namespace: str | None
    name: str | None
    status: TaskStatus | str | None
    tag: str | None
    initiator: str | None
    created_after: datetime | None
    created_before: datetime | None


def create_task(
    namespace: str,
    name: str,
    context: Any,
    **options: Unpack[TaskOptions],
) -> Call[Task]:
    fields = {"namespace": namespace, "name": name, "context": context, **options}
    body = CreateTask.model_validate(fields)
    return Call(
        method="POST",
        path=path("v1", "tasks"),
        body=body,
        read=read_model(Task),
        traced=True,
        repeatable=body.idempotency_key is not None,
    )


def waiting(call: Call[Task], seconds: float) -> Call[Task]:
    """The same call, answered when the task has ended or is blocked, or after so many seconds."""
    return replace(call, query=query(wait=seconds), seconds=seconds)


def create_tasks(tasks: Iterable[CreateTask]) -> Call[CreatedTasks]:
    body = CreateTasks(tasks=tuple(tasks))
    return Call(
        method="POST",
        path=path("v1", "tasks", "batch"),
        body=body,
        read=read_model(CreatedTasks),
        traced=True,
        repeatable=all(task.idempotency_key is not None for task in body.tasks),
    )


def get_task(task_uuid: TaskId, wait: float | None = None) -> Call[Task]:
    call = _get(Task, "v1", "tasks", task_uuid)
    return call if wait is None else waiting(call, wait)


def list_tasks(
    cursor: str | None = None, limit: int | None = None, **filters: Unpack[TaskFilters]
) -> Call[TaskPage]:
    return _get(TaskPage, "v1", "tasks", parameters=query(cursor=cursor, limit=limit, **filters))


def cancel_task(task_uuid: TaskId) -> Call[Task]:
    return Call(
        method="DELETE",
        path=path("v1", "tasks", task_uuid),
        read=read_model(Task),
        repeatable=False,
    )


def list_steps(
    task_uuid: TaskId, cursor: str | None = None, limit: int | None = None
) -> Call[StepPage]:
    parameters = query(cursor=cursor, limit=limit)
    return _get(StepPage, "v1", "tasks", task_uuid, "workflow_steps", parameters=parameters)


def get_step(task_uuid: TaskId, step_uuid: TaskId, logs: bool = False) -> Call[Step]:
    parameters = query(logs=logs or None)
    return _get(Step, "v1", "tasks", task_uuid, "workflow_steps", step_uuid, parameters=parameters)


def retry_step(task_uuid: TaskId, step_uuid: TaskId, *, reason: str, by: str) -> Call[Step]:
    return _act(task_uuid, step_uuid, ActOnStep(action=StepAction.RETRY, reason=reason, by=by))


def resolve_step(task_uuid: TaskId, step_uuid: TaskId, *, reason: str, by: str) -> Call[Step]:
    return _act(task_uuid, step_uuid, ActOnStep(action=StepAction.RESOLVE, reason=reason, by=by))


def complete_step(
    task_uuid: TaskId,
    step_uuid: TaskId,
    *,
    reason: str,
    by: str,
    results: Any = None,
    create_steps: Sequence[str] | None = None,
    batches: Sequence[Mapping[str, Any]] | None = None,
) -> Call[Step]:
    act = ActOnStep(
        action=StepAction.COMPLETE,
        reason=reason,
        by=by,
        results=results,
        create_steps=create_steps,
        batches=batches,
    )
    return _act(task_uuid, step_uuid, act)


def follow_task(task_uuid: TaskId) -> Call[Any]:
    return _get_any("v1", "tasks", task_uuid, "events")


def templates() -> Call[TemplateList]:
    return _get(TemplateList, "v1", "templates")


def template(namespace: str, name: str, version: str | None = None) -> Call[Template]:
    versions = () if version is None else (version,)
    return _get(Template, "v1", "templates", namespace, name, *versions)


def mark_template(
    action: TemplateAction, namespace: str, name: str, version: str, reason: str, by: str
) -> Call[Template]:
    return Call(
        method="PATCH",
        path=path("v1", "templates", namespace, name, version),
        body=ActOnTemplate(action=action, reason=reason, by=by),
        read=read_model(Template),
        repeatable=True,
    )


def workers() -> Call[WorkerList]:
    return _get(WorkerList, "v1", "workers")


def health() -> Call[Health]:
    return Call(
        method="GET",
        path=path("health"),
        read=read_model(Health),
        repeatable=True,
        retried=False,
        answers=_HEALTH_ANSWERS,
    )


def is_live() -> Call[Any]:
    return _probe("live")


def is_ready() -> Call[Any]:
    return _probe("ready")


def openapi() -> Call[Any]:
    return _get_any("openapi.json")


def _get(
    model: type[M],
    *segments: object,
    parameters: Mapping[str, str] | None = None,
) -> Call[M]:
    return Call(
        method="GET",
        path=path(*segments),
        query=parameters or {},
        read=read_model(model),
        repeatable=True,
    )


def _get_any(*segments: object) -> Call[Any]:
    return Call(method="GET", path=path(*segments), read=_as_it_is, repeatable=True)


def _probe(kind: str) -> Call[Any]:
    return Call(
        method="GET", path=path("health", kind), read=_as_it_is, repeatable=True, retried=False
    )


def _act(task_uuid: TaskId, step_uuid: TaskId, body: Body) -> Call[Step]:
    return Call(
        method="PATCH",
        path=path("v1", "tasks", task_uuid, "workflow_steps", step_uuid),
        body=body,
        read=read_model(Step),
        repeatable=False,
    )


def _as_it_is(value: Any) -> Any:
    return value
