"""What is asked for beside tasks and events so that people see what became of them."""

from tasker_core.client.errors import ApiError
from tasker_core.client.lines import result_lines
from tasker_core.client.models import Failure, Task, TaskEvent
from tasker_core.client.operations import TaskId
from tasker_core.client.states import StepType
from tasker_core.client.sync_client import TaskerClient
from tasker_core.failure_place import failure_place


def described(failure: Failure) -> str:
    """Type, message, and FILE:LINE where it happened in the handler's own code."""
    place = failure_place(failure.backtrace)
    return f"{failure.error_type}: {failure.message}" + (f" ({place})" if place else "")


def failure_of(client: TaskerClient, task_uuid: TaskId, event: TaskEvent) -> str | None:
    """Why the attempt failed whose end this event is; None when it has not failed.

    An event has the message alone: the rest is asked for, and left out when it cannot be had.
    """
    if event.kind != "step" or event.error_message is None:
        return None
    try:
        step = client.get_step(task_uuid, event.step_uuid)
    except ApiError:
        return event.error_message
    for entry in reversed(step.history or ()):
        if entry.attempt == event.attempt and entry.error is not None:
            return described(entry.error)
    return event.error_message


def results_of(client: TaskerClient, task: Task) -> list[str]:
    """What the task came to, as lines."""
    steps = client.list_steps(task.task_uuid)
    try:
        template = client.template(task.namespace, task.name, task.version)
    except ApiError:
        # Without it batches are steps as any.
        return result_lines(steps, ())
    workers = [step.name for step in template.steps if step.type is StepType.BATCH_WORKER]
    return result_lines(steps, workers)
