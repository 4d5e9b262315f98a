"""What is wrong with a workflow, where, and what to do, in the form of templates' problems."""

import inspect
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasker_core.step_handler.function import FunctionHandler


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
    # Where modules could not be imported, which is told once.
    failed_imports: set[Place] = field(default_factory=set)

    def problem(self, place: Place, code: str, message: str, hint: str) -> None:
        """Adds a mistake, for which the build fails."""
        self.problems.add(Problem(place, message, code, hint))

    def warning(self, place: Place, code: str, message: str, hint: str) -> None:
        """Adds what may be meant so."""
        self.warnings.add(Problem(place, message, code, hint))


def place_of(target: Any) -> Place:
    """Where a class, function or module is defined."""
    if isinstance(target, type) and issubclass(target, FunctionHandler):
        target = target.__dict__["call"].__func__
    code = getattr(inspect.unwrap(target), "__code__", None) if callable(target) else None
    if code is not None:
        return Place(code.co_filename, code.co_firstlineno)
    try:
        file = inspect.getsourcefile(target)
        line = inspect.getsourcelines(target)[1]
    except (OSError, TypeError):
        return Place(getattr(target, "__file__", None) or "?", 1)
    return Place(file or "?", max(line, 1))


@contextmanager
def tree_of(files: Mapping[str, str]) -> Iterator[Path]:
    """A folder of links to files, by the paths that people know them by.

    What is made and what is written lie in different folders of a build; a Python package may
    have both.
    """
    with tempfile.TemporaryDirectory(prefix="workflow-") as folder:
        for path, file in files.items():
            link = Path(folder, path)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(file).absolute())
        yield Path(folder)
