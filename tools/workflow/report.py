"""What is wrong with a workflow, where, and what to do, in the form of templates' problems."""

import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, order=True)
class Place:
    """Where in a file; the line is counted from 1, and so is the column, if it is known."""

    file: str
    line: int
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(
            str(part) for part in (self.file, self.line, self.column) if part is not None
        )


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake, or a warning of one."""

    place: Place
    message: str
    code: str
    hint: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]\n  hint: {self.hint}"


@dataclass
class Report:
    """All that was found, each once."""

    problems: set[Problem] = field(default_factory=set)
    warnings: set[Problem] = field(default_factory=set)

    def problem(self, place: Place, code: str, message: str, hint: str) -> None:
        """Adds a mistake, for which the build fails."""
        self.problems.add(Problem(place, message, code, hint))

    def warning(self, place: Place, code: str, message: str, hint: str) -> None:
        """Adds what may be meant so."""
        self.warnings.add(Problem(place, message, code, hint))


def place_of(target: Any) -> Place:
    """Where a class, function or module is defined, from the folder that people build in."""
    code = getattr(inspect.unwrap(target), "__code__", None) if callable(target) else None
    if code is not None:
        return Place(shown(code.co_filename), code.co_firstlineno)
    try:
        file = inspect.getsourcefile(target)
        line = inspect.getsourcelines(target)[1]
    except (OSError, TypeError):
        return Place(shown(getattr(target, "__file__", None) or "?"), 1)
    return Place(shown(file or "?"), max(line, 1))


def shown(file: str) -> str:
    """The file as it is named in the workspace: without the folder that Bazel runs the check in."""
    for root in sorted(filter(None, sys.path), key=len):
        path = Path(root)
        if path.name.endswith(".runfiles") and Path(file).is_relative_to(path):
            below = Path(file).relative_to(path)
            # First comes the repository's name.
            return str(Path(*below.parts[1:]))
    return file
