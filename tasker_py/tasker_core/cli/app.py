"""The commands of `tasker`, one module each."""

import typer

from tasker_core.cli.dev import dev

app = typer.Typer(name="tasker", no_args_is_help=True, add_completion=False)
app.command()(dev)


@app.callback()
def tasker() -> None:
    """Durable workflows on PostgreSQL."""
