"""`tasker template`: checks and compares templates; says which versions new tasks take."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tasker_core.cli import template_files, values
from tasker_core.cli.engine import Token, Url, engine
from tasker_core.cli.exits import EPILOG, ExitCode, told_errors
from tasker_core.cli.operator import By, Reason
from tasker_core.cli.output import Json, say, say_json
from tasker_core.cli.template_diff import diff
from tasker_core.client import ApiError, ConflictError, TaskerClient, Template

app = typer.Typer(
    help="Check and compare task templates; retire, restore or prefer their versions.",
    no_args_is_help=True,
)
app.command(epilog=EPILOG)(diff)

Workflow = Annotated[
    str, typer.Argument(metavar="NAMESPACE/NAME", help="The template.", show_default=False)
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="One of its versions.")]


@app.command(epilog=EPILOG)
def retire(
    workflow: Workflow,
    version: Version,
    reason: Reason,
    by: By,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Keeps new tasks from taking a version, also those that name it. Running tasks go on."""
    namespace, name = values.workflow(workflow, "NAMESPACE/NAME")
    with engine(url, token) as client:
        done = client.retire_template(namespace, name, version, reason=reason, by=by)
        _say(client, done, "is retired", json)


@app.command(epilog=EPILOG)
def restore(
    workflow: Workflow,
    version: Version,
    reason: Reason,
    by: By,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Lets new tasks take a retired version again."""
    namespace, name = values.workflow(workflow, "NAMESPACE/NAME")
    with engine(url, token) as client:
        done = client.restore_template(namespace, name, version, reason=reason, by=by)
        _say(client, done, "is in use", json)


@app.command(epilog=EPILOG)
def default(
    workflow: Workflow,
    version: Version,
    reason: Reason,
    by: By,
    clear: Annotated[
        bool, typer.Option("--clear", help="No longer: the highest release counts again.")
    ] = False,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Has tasks that name no version take this one, whatever is registered later."""
    namespace, name = values.workflow(workflow, "NAMESPACE/NAME")
    with engine(url, token) as client:
        act = client.clear_default_template if clear else client.set_default_template
        done = act(namespace, name, version, reason=reason, by=by)
        _say(client, done, f"is {'no longer ' if clear else ''}the default", json)


@app.command(epilog=EPILOG)
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER...", help="Templates, or folders of them.", exists=True
        ),
    ],
    json: Json = False,
) -> None:
    """Checks task templates, each and together, and tells all that is wrong. Needs no engine.

    --json prints {"templates": [...]}: for each its `file` and `problems`, null if there are none,
    and if so namespace, name, version and callables.
    """
    with told_errors():
        files = [file for path in paths for file in template_files.find(path, "FILE|FOLDER")]
        checked = template_files.check(files)
    if json:
        say_json({"templates": checked})
    else:
        for told in checked:
            say(told["problems"] or f"{told['file']}: {_name(told)} is valid")
    if any(told["problems"] for told in checked):
        raise typer.Exit(ExitCode.NO_SUCCESS)


def _say(client: TaskerClient, done: Template, state: str, as_json: bool) -> None:
    """Says what was done, and what tasks take from here on, as far as that can be had."""
    if as_json:
        say_json(done.raw)
        return
    say(f"{done.namespace}/{done.name} {done.version} {state}")
    try:
        taken = client.template(done.namespace, done.name)
    except ConflictError as error:
        say(error.message)
    except ApiError as error:
        # What was to be done is.
        say(f"which version tasks take that name none is not known: {error}")
    else:
        say(f"tasks that name no version take {taken.version}")


def _name(told: dict[str, Any]) -> str:
    return f"{told['namespace']}/{told['name']} {told['version']}"
