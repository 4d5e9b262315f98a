"""`tasker run`: creates a task, and shows what becomes of it."""

from typing import Annotated

import typer

from tasker_core.cli import progress, values
from tasker_core.cli.engine import Token, Url, engine
from tasker_core.cli.exits import ExitCode
from tasker_core.cli.output import Json, say, say_json


def run(
    workflow: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="What to run.")],
    context: Annotated[
        str,
        typer.Option(metavar="JSON|@FILE", help="What it works on; @- reads standard input."),
    ] = "{}",
    follow: Annotated[
        bool, typer.Option("--follow", help="Show what happens until it has ended or is blocked.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait, in silence, until it has ended or is blocked.")
    ] = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="With the same key and context again: the same task."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="The template's.", show_default="the default of its template")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A word to find the task by; may be repeated.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Higher first.", min=-100, max=100)] = 0,
    correlation_id: Annotated[
        str | None, typer.Option(help="Ties the task to records of yours.")
    ] = None,
    initiator: Annotated[str | None, typer.Option(help="Who asks for it.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Creates a task of a workflow; with --follow or --wait, succeeds if the task does.

    --json prints the task: with --wait as it is in the end; with --follow first as it was created,
    then each event, then as it is in the end, a line each.
    """
    namespace, name = values.workflow(workflow, "NAMESPACE/NAME")
    given = values.json_text(context, "--context")
    with engine(url, token) as client:
        task = client.create_task(
            namespace,
            name,
            given,
            version=version,
            idempotency_key=idempotency_key,
            tags=tag or (),
            priority=priority,
            correlation_id=correlation_id,
            initiator=initiator,
            reason=reason,
        )
        if not json:
            say(f"task {task.task_uuid}")
        elif follow or not wait:
            say_json(task.raw)
        if follow:
            task = progress.follow(client, task.task_uuid, as_json=json)
        elif wait:
            task = progress.wait(client, task.task_uuid)
        else:
            return
        if json:
            say_json(task.raw)
        else:
            progress.say_end(client, task)
        if not task.status.is_success:
            raise typer.Exit(ExitCode.NO_SUCCESS)
