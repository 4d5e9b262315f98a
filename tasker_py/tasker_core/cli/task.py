"""`tasker task`: what tasks there are, how they stand, and their end."""

from typing import Annotated, Any
from uuid import UUID

import typer

from tasker_core.cli import progress, values
from tasker_core.cli.engine import Token, Url, engine
from tasker_core.cli.exits import EPILOG, ExitCode
from tasker_core.cli.output import Json, say, say_json, say_table
from tasker_core.client import Step, Task, TaskStatus, TaskSummary
from tasker_core.client.lines import json_line
from tasker_core.client.telling import described

LARGEST_PAGE = 100

app = typer.Typer(help="List, show, cancel and follow tasks.", no_args_is_help=True)

TaskUuid = Annotated[UUID, typer.Argument(metavar="TASK", help="Its uuid.")]


@app.command("list", epilog=EPILOG)
def list_(
    namespace: Annotated[str | None, typer.Option(help="Of this namespace.")] = None,
    name: Annotated[str | None, typer.Option(help="Of this template.")] = None,
    status: Annotated[TaskStatus | None, typer.Option(help="That stand so.")] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    initiator: Annotated[str | None, typer.Option(help="That this one asked for.")] = None,
    created_after: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339.")] = None,
    created_before: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on from here: `next_cursor`.")] = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Lists tasks, newest first."""
    tasks: list[TaskSummary] = []
    after = values.moment(created_after, "--created-after")
    before = values.moment(created_before, "--created-before")
    with engine(url, token) as client:
        # A page may hold fewer than were asked for and not be the last.
        while True:
            page = client.list_tasks_page(
                cursor=cursor,
                limit=min(limit - len(tasks), LARGEST_PAGE),
                namespace=namespace,
                name=name,
                status=status,
                tag=tag,
                initiator=initiator,
                created_after=after,
                created_before=before,
            )
            tasks += page.tasks
            cursor = page.next_cursor
            if cursor is None or len(tasks) >= limit:
                break
    if json:
        say_json({"tasks": [task.raw for task in tasks], "next_cursor": cursor})
        return
    heads = ("TASK", "WORKFLOW", "STATUS", "DONE", "CREATED")
    say_table(heads, (_row(task) for task in tasks), whole=2)
    if cursor is not None:
        say(f"there are more: --cursor {cursor}")


@app.command(epilog=EPILOG)
def show(task_uuid: TaskUuid, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Shows a task and its steps: why it is not done, and what its steps returned.

    --json prints {"task": ..., "steps": [...]}.
    """
    with engine(url, token) as client:
        task, steps = client.get_task(task_uuid), client.list_steps(task_uuid)
    if json:
        say_json({"task": task.raw, "steps": [step.raw for step in steps]})
        return
    for field, value in _fields(task):
        say(f"{field + ':':<13}{value}")
    say("")
    say_table(("STEP", "STATE", "ATTEMPTS", "RESULTS OR ERROR"), (_step_row(s) for s in steps))


@app.command(epilog=EPILOG)
def cancel(task_uuid: TaskUuid, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Cancels a task; one that has ended is refused."""
    with engine(url, token) as client:
        task = client.cancel_task(task_uuid)
    if json:
        say_json(task.raw)
    else:
        say(f"task {task.task_uuid} is {task.status}")


@app.command(epilog=EPILOG)
def follow(task_uuid: TaskUuid, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Shows what happened to a task and what happens, until it has ended or is blocked.

    Succeeds if the task does. --json prints each event in a line.
    """
    with engine(url, token) as client:
        client.get_task(task_uuid)
        task = progress.follow(client, task_uuid, as_json=json)
        if not json:
            progress.say_end(client, task)
        if not task.status.is_success:
            raise typer.Exit(ExitCode.NO_SUCCESS)


def _row(task: TaskSummary) -> tuple[object, ...]:
    done = f"{task.completed_steps}/{task.total_steps}"
    created = task.created_at.isoformat(" ", "seconds")
    return task.task_uuid, f"{task.namespace}/{task.name}", task.status, done, created


def _fields(task: Task) -> list[tuple[str, Any]]:
    fields = [
        ("task", task.task_uuid),
        ("workflow", f"{task.namespace}/{task.name} {task.version}"),
        ("status", task.status),
        ("created", task.created_at.isoformat(" ")),
        ("completed", task.completed_at and task.completed_at.isoformat(" ")),
        ("tags", ", ".join(task.tags)),
        ("context", json_line(task.context)),
        *(("waiting on", reason) for reason in task.waiting_on),
    ]
    return [(name, value) for name, value in fields if value]


def _step_row(step: Step) -> tuple[object, ...]:
    outcome = ""
    if step.error is not None:
        outcome = described(step.error)
    elif step.completed_at is not None:
        outcome = json_line(step.results)
    return step.step_name, step.current_state, f"{step.attempts}/{step.max_attempts}", outcome
