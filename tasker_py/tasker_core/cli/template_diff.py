"""`tasker template diff`: what a changed template means to tasks that run, and to others."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from tasker_core.cli import template_engine, template_files
from tasker_core.cli.engine import Token, Url, engine
from tasker_core.cli.exits import ExitCode, told_errors
from tasker_core.cli.output import Json, say, say_json

BREAKING = "breaking"


def diff(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="OLD NEW", help="Templates, or folders of them; NEW with --engine.", exists=True
        ),
    ],
    against_engine: Annotated[
        bool, typer.Option("--engine", help="Which open tasks of the engine does NEW break?")
    ] = False,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Tells what changes from OLD to NEW, and what it breaks; needs no engine without --engine.

    Running tasks keep their content, and are served by workers with the handlers of NEW. A template
    that is in NEW as it was in OLD says that its handlers are there. docs/templates.md has the
    codes. With --engine, NEW is held against the open tasks of its workflows.
    """
    _require_number(paths, 1 if against_engine else 2)
    with told_errors():
        files = [template_files.find(path, "OLD NEW") for path in paths]
        _require_valid(files, json)
        sides = [template_files.texts(side) for side in files]
        if against_engine:
            with engine(url, token) as client:
                told = template_engine.held_against(client, sides[0])
        else:
            told = template_files.compare(*sides)
    if json:
        say_json(told)
    elif against_engine:
        for line in template_engine.lines(told):
            say(line)
    else:
        _say(told["comparisons"])
    if not told["compatible"]:
        raise typer.Exit(ExitCode.NO_SUCCESS)


def _require_number(paths: list[Path], number: int) -> None:
    if len(paths) != number:
        wanted = "NEW alone with --engine" if number == 1 else "OLD and NEW"
        reason = f"expected {wanted}, found {len(paths)} paths"
        raise typer.BadParameter(reason, param_hint="OLD NEW")


def _require_valid(sides: list[list[Path]], as_json: bool) -> None:
    """Ends the command where a template is not valid. Versions may differ between the sides."""
    checked = [told for side in sides for told in template_files.check(side)]
    wrong = [told["problems"] for told in checked if told["problems"]]
    if not wrong:
        return
    if as_json:
        say_json({"templates": checked})
    for problems in wrong:
        typer.echo(problems, err=True)
    raise typer.Exit(ExitCode.NO_SUCCESS)


def _say(comparisons: list[dict[str, Any]]) -> None:
    severities = Counter[str]()
    for told in comparisons:
        if told["changes"]:
            say(_head(told))
        for change in told["changes"]:
            severities[change["severity"]] += 1
            say(change["text"])
    if not severities:
        say("nothing has changed")
    elif not severities[BREAKING]:
        say("nothing breaks")
    else:
        counts = (f"{severities[it]} {it}" for it in (BREAKING, "notice", "safe"))
        say(f"changes: {', '.join(counts)}")


def _head(told: dict[str, Any]) -> str:
    versions = [side["version"] if side else "none" for side in (told["old"], told["new"])]
    return f"{told['namespace']}/{told['name']}: {versions[0]} to {versions[1]}"
