"""`tasker template`: task templates, without an engine."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from tasker_core import _native
from tasker_core.cli.exits import EPILOG, ExitCode, told_errors
from tasker_core.cli.output import Json, say, say_json
from tasker_core.errors import InvalidArgumentError

SUFFIXES = (".yaml", ".yml")

app = typer.Typer(help="Check task templates.", no_args_is_help=True)


@app.callback()
def template() -> None:
    """Check task templates."""


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
    """Checks task templates, and tells everything that is wrong with them. Needs no engine.

    --json prints {"templates": [...]}: for each its `file` and `problems`, null if there are none,
    and if so namespace, name, version and callables.
    """
    with told_errors():
        checked = [_check(file) for path in paths for file in _files(path)]
    if json:
        say_json({"templates": checked})
    else:
        for told in checked:
            say(told["problems"] or f"{told['file']}: {_name(told)} is valid")
    if any(told["problems"] for told in checked):
        raise typer.Exit(ExitCode.NO_SUCCESS)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    if not files:
        raise typer.BadParameter(f"{path} has no file *.yaml or *.yml", param_hint="FILE|FOLDER")
    return files


def _check(file: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json_module.loads(
            _native.template_check(file.read_text("utf-8"), str(file))
        )
    except InvalidArgumentError as error:
        return {"file": str(file), "problems": str(error)}
    except UnicodeDecodeError as error:
        return {"file": str(file), "problems": f"{file}: not UTF-8 from byte {error.start} on"}
    except OSError as error:
        return {"file": str(file), "problems": f"{file}: cannot be read: {error.strerror}"}
    names = ("namespace", "name", "version", "callables")
    return {"file": str(file), "problems": None, **{name: told[name] for name in names}}


def _name(told: dict[str, Any]) -> str:
    return f"{told['namespace']}/{told['name']} {told['version']}"
