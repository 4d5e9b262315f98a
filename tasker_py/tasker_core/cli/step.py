"""`tasker step`: what happened to a step, and what an operator does to one that failed."""

import difflib
from typing import Annotated
from uuid import UUID

import typer

from tasker_core.cli import values
from tasker_core.cli.engine import Token, Url, engine
from tasker_core.cli.exits import EPILOG, NotThereError
from tasker_core.cli.operator import By, Reason
from tasker_core.cli.output import Json, say, say_json
from tasker_core.cli.step_history import step_lines
from tasker_core.cli.task import TaskUuid
from tasker_core.client import Step, TaskerClient

app = typer.Typer(
    help="Show a step; retry, resolve or complete one in error or before its next attempt.",
    no_args_is_help=True,
)

StepName = Annotated[str, typer.Argument(metavar="STEP", help="Its name or uuid.")]


@app.command(epilog=EPILOG)
def show(
    task_uuid: TaskUuid,
    step: StepName,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Shows a step with each of its attempts: how it failed, its traceback, what it logged."""
    with engine(url, token) as client:
        found = client.get_step(task_uuid, _find(client, task_uuid, step), logs=True)
    if json:
        say_json(found.raw)
        return
    for line in step_lines(found):
        say(line)


@app.command(epilog=EPILOG)
def retry(
    task_uuid: TaskUuid,
    step: StepName,
    reason: Reason,
    by: By,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Runs a step again at once, with as many attempts as its template gives."""
    with engine(url, token) as client:
        step_uuid = _find(client, task_uuid, step)
        _say(client.retry_step(task_uuid, step_uuid, reason=reason, by=by), json)


@app.command(epilog=EPILOG)
def resolve(
    task_uuid: TaskUuid,
    step: StepName,
    reason: Reason,
    by: By,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Declares a step done, without results."""
    with engine(url, token) as client:
        step_uuid = _find(client, task_uuid, step)
        _say(client.resolve_step(task_uuid, step_uuid, reason=reason, by=by), json)


@app.command(epilog=EPILOG)
def complete(
    task_uuid: TaskUuid,
    step: StepName,
    reason: Reason,
    by: By,
    results: Annotated[
        str, typer.Option(metavar="JSON|@FILE", help="What its handler would have returned.")
    ] = "null",
    create_step: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Of a decision: a step to create; may be repeated."),
    ] = None,
    no_steps: Annotated[
        bool, typer.Option("--no-steps", help="Of a decision: create no step.")
    ] = False,
    batches: Annotated[
        str | None,
        typer.Option(
            metavar="JSON|@FILE", help='Of a batchable step: a list of {"start", "end", "data"?}.'
        ),
    ] = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Gives what a step's handler would have given; the task goes on from there."""
    given = values.json_text(results, "--results")
    cursors = None if batches is None else values.json_value(batches, "--batches")
    with engine(url, token) as client:
        done = client.complete_step(
            task_uuid,
            _find(client, task_uuid, step),
            reason=reason,
            by=by,
            results=given,
            create_steps=[] if no_steps else create_step,
            batches=cursors,
        )
        _say(done, json)


def _find(client: TaskerClient, task_uuid: UUID, step: str) -> UUID:
    """The step's uuid. NotThereError with the nearest names when the task has none of the name."""
    try:
        return UUID(step)
    except ValueError:
        pass
    found = {shown.step_name: shown.step_uuid for shown in client.list_steps(task_uuid)}
    if step in found:
        return found[step]
    nearest = difflib.get_close_matches(step, found, n=3) or list(found)[:10]
    raise NotThereError(
        f"task {task_uuid} has no step {step!r}; nearest: {', '.join(nearest)}; "
        f"`tasker task show {task_uuid}` lists them"
    )


def _say(step: Step, as_json: bool) -> None:
    if as_json:
        say_json(step.raw)
    else:
        say(f"step {step.step_name} is {step.current_state}")
