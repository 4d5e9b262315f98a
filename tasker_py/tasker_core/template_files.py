"""The templates that TASKER_TEMPLATE_PATH leads to."""

import json
from pathlib import Path
from typing import Any

from tasker_core import _native


def template_paths(path: str) -> list[str]:
    """The folders and files of TASKER_TEMPLATE_PATH."""
    return [part for part in path.split(":") if part]


def template_files(path: str) -> list[Path]:
    """The files of these folders, and those that are named themselves."""
    files: list[Path] = []
    for part in map(Path, template_paths(path)):
        if part.is_dir():
            files += (file for file in sorted(part.rglob("*")) if file.suffix in (".yaml", ".yml"))
        elif part.is_file():
            files.append(part)
    return files


def checked(text: bytes | str, file: str) -> dict[str, Any]:
    """What `_native.template_check` tells. InvalidArgumentError with all problems of a template."""
    summary: dict[str, Any] = json.loads(_native.template_check(text, file))
    return summary
