"""The commands of `tasker`, one module for each command or group of them."""

from typing import Annotated

import typer

from tasker_core import __version__
from tasker_core.cli import step, task, template
from tasker_core.cli.dev import dev
from tasker_core.cli.exits import EPILOG
from tasker_core.cli.run import run
from tasker_core.cli.workers import workers

app = typer.Typer(
    name="tasker",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)
app.command()(dev)
app.command(epilog=EPILOG)(run)
app.add_typer(task.app, name="task")
app.add_typer(step.app, name="step")
app.add_typer(template.app, name="template")
app.command(epilog=EPILOG)(workers)


def _say_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"tasker {__version__}")
        raise typer.Exit


@app.callback(epilog=EPILOG)
def tasker(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version."),
    ] = False,
) -> None:
    """Durable workflows on PostgreSQL."""
