"""Template files that commands are given: found, read, checked and compared."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from tasker_core import _native
from tasker_core.serialization import integers_of_any_size

SUFFIXES = (".yaml", ".yml")


def find(path: Path, option: str) -> list[Path]:
    """A file, or the templates in a folder and below it."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    if not files:
        raise typer.BadParameter(f"{path} has no file *.yaml or *.yml", param_hint=option)
    return files


def check(files: Iterable[Path]) -> list[dict[str, Any]]:
    """For each its `file` and `problems`, null if there are none, and what is known of it then."""
    read = [_read(file) for file in files]
    texts = [told for told in read if "text" in told]
    with integers_of_any_size():
        answers = iter(json.loads(_native.templates_check(json.dumps(texts))))
    names = ("namespace", "name", "version", "callables")
    checked = []
    for told in read:
        answer = next(answers) if "text" in told else told
        problems = answer.get("problems")
        known = {} if problems else {name: answer[name] for name in names}
        checked.append({"file": told["file"], "problems": problems, **known})
    return checked


def texts(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The `file` and `text` of each, as far as they can be read."""
    return [told for told in map(_read, files) if "text" in told]


def compare(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> dict[str, Any]:
    """What changes from valid texts to others: `compatible` and `comparisons`.

    `tasker_templates_compare` of `crates/ffi/tasker.h` describes both, and the texts.
    """
    compared: dict[str, Any] = json.loads(
        _native.templates_compare(json.dumps({"old": old, "new": new}))
    )
    return compared


def _read(file: Path) -> dict[str, Any]:
    """The `text` of a file, or the `problems` why there is none."""
    shown = os.fsencode(file).decode("utf-8", "replace")
    try:
        return {"file": shown, "text": file.read_bytes().decode("utf-8")}
    except UnicodeDecodeError as error:
        return {"file": shown, "problems": f"{shown}: not UTF-8 from byte {error.start} on"}
    except OSError as error:
        return {"file": shown, "problems": f"{shown}: cannot be read: {error.strerror}"}
