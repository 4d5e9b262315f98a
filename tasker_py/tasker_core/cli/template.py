"""`tasker template`: task templates, without an engine."""

import json as json_module
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from tasker_core import _native
from tasker_core.cli.exits import EPILOG, ExitCode, told_errors
from tasker_core.cli.output import Json, say, say_json

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
    """Checks task templates, each and together, and tells all that is wrong. Needs no engine.

    --json prints {"templates": [...]}: for each its `file` and `problems`, null if there are none,
    and if so namespace, name, version and callables.
    """
    with told_errors():
        checked = _check([file for path in paths for file in _files(path)])
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


def _check(files: list[Path]) -> list[dict[str, Any]]:
    read = [_read(file) for file in files]
    texts = [told for told in read if "text" in told]
    answers = iter(json_module.loads(_native.templates_check(json_module.dumps(texts))))
    names = ("namespace", "name", "version", "callables")
    checked = []
    for told in read:
        answer = next(answers) if "text" in told else told
        problems = answer.get("problems")
        known = {} if problems else {name: answer[name] for name in names}
        checked.append({"file": told["file"], "problems": problems, **known})
    return checked


def _read(file: Path) -> dict[str, Any]:
    """The `text` of a file, or the `problems` why there is none."""
    shown = os.fsencode(file).decode("utf-8", "replace")
    try:
        return {"file": shown, "text": file.read_bytes().decode("utf-8")}
    except UnicodeDecodeError as error:
        return {"file": shown, "problems": f"{shown}: not UTF-8 from byte {error.start} on"}
    except OSError as error:
        return {"file": shown, "problems": f"{shown}: cannot be read: {error.strerror}"}


def _name(told: dict[str, Any]) -> str:
    return f"{told['namespace']}/{told['name']} {told['version']}"
