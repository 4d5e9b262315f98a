"""`tasker dev`: PostgreSQL, engine, worker and a first workflow, with one command."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tasker_core.cli import values
from tasker_core.dev import installed, session
from tasker_core.errors import DevError


def dev(
    once: Annotated[bool, typer.Option("--once", help="End after the result.")] = False,
    task: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The workflow to run.")
    ] = "linear_workflow_py/mathematical_sequence_py",
    context: Annotated[
        str, typer.Option(metavar="JSON|@FILE", help="What it works on; @- reads standard input.")
    ] = '{"even_number": 6}',
    port: Annotated[int, typer.Option(help="The engine's.", min=1, max=65535)] = 8080,
    worker_port: Annotated[
        int, typer.Option(help="The worker's health page's.", min=1, max=65535)
    ] = 8081,
    postgres_port: Annotated[int, typer.Option(help="PostgreSQL's.", min=1, max=65535)] = 15432,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where data and logs are kept.", show_default="your state folder"),
    ] = None,
) -> None:
    """Brings up PostgreSQL, the engine and a Python worker, and runs a workflow.

    Then stays up until Ctrl-C, which leaves no process behind. Handlers are imported from
    TASKER_HANDLER_PATH and templates read from TASKER_TEMPLATE_PATH; with neither set, they are
    those of the sample workflow that is installed with this command. So is the engine's program,
    unless TASKER_SERVER_BIN names another. Other variables count for engine and worker as anywhere,
    TASKER_ENV is `development` if it is not set; those that say where another engine is do not.
    """
    environ, not_used = session.usable(os.environ)
    for sentence in not_used:
        _complain(sentence)
    values.workflow(task, "--task")
    given = values.json_text(context, "--context")
    try:
        handler_path, template_path = _folders()
        options = session.Options(
            task=task,
            context=given.text,
            port=port,
            worker_port=worker_port,
            postgres_port=postgres_port,
            data=(data_dir or session.default_data_folder(os.environ)).absolute(),
            server=session.find_server(os.environ),
            handler_path=handler_path,
            template_path=template_path,
            environ=environ,
            once=once,
        )
        code = session.run(options, typer.echo, _complain)
    except DevError as error:
        _complain(str(error))
        code = 1
    raise typer.Exit(code)


def _complain(reason: str) -> None:
    typer.echo(f"tasker dev: {reason}", err=True)


def _folders() -> tuple[str, str]:
    """The folders of handlers and those of templates: the environment's, or the sample's."""
    named = os.environ.get("TASKER_HANDLER_PATH") or os.environ.get("TASKER_TEMPLATE_PATH")
    if not named and installed.SAMPLE.exists():
        return str(installed.SAMPLE / "handlers"), str(installed.SAMPLE / "templates")
    return _paths("TASKER_HANDLER_PATH", "handlers"), _paths("TASKER_TEMPLATE_PATH", "templates")


def _paths(variable: str, what: str) -> str:
    """The folders of a variable."""
    value = os.environ.get(variable)
    if not value:
        raise DevError(f"no folder of {what} is named: set {variable}")
    return value
