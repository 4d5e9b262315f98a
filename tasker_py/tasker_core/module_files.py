"""The files of modules, and the ones that stand in each other's way because of their names."""

import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# Beside handlers, and for other programs than a worker.
_NOT_FOR_WORKERS = ("__init__", "__main__", "conftest", "setup", "tests")


def file_of(name: str) -> str:
    """Where the imported module is, for messages that are to name the file."""
    file = _imported(name)
    if file is None:
        return "built into Python" if _is_pythons_own(name) else "a folder without an __init__.py"
    return f"Python's own, {file}" if _is_pythons_own(name) else str(file)


def described(callable_name: str) -> str:
    """The file that a callable's module was imported from, in parentheses; "" if none was."""
    name = callable_name
    while name and name not in sys.modules:
        name = name.rpartition(".")[0]
    return f" ({file_of(name)})" if name else ""


def hidden(name: str) -> list[Path]:
    """The files in the import path that the imported module keeps from being imported."""
    top = name.partition(".")[0]
    own = _imported(top)
    found = [file for folder in sys.path if (file := _file_in(Path(folder or "."), top))]
    return [file for file in found if own is None or not _is_same(file, own)]


def conflicts(folders: Sequence[Path]) -> list[str]:
    """A sentence for each module of these folders that has another one's name.

    One of the two would be found in the other's place, and which depends on what is imported first.
    The folders come first in the import path; their modules may have been imported.
    """
    problems = []
    first: dict[str, Path] = {}
    for folder in folders:
        for name, file in _modules(folder):
            other = first.setdefault(name, file)
            if not _is_same(other, file):
                what = f"{other}, which is found first"
            elif (imported := _imported(name)) is not None and not _is_same(imported, file):
                what = f"the module {name} ({file_of(name)}), which was imported before"
            elif _is_pythons_own(name):
                what = f"Python's own module {name} ({_elsewhere(name, folders)})"
            else:
                continue
            problems.append(f"{file} has the name of {what}: rename it, one hides the other")
    return problems


def _is_pythons_own(name: str) -> bool:
    top = name.partition(".")[0]
    file = _imported(top)
    # A file elsewhere may have taken the name.
    return top in sys.stdlib_module_names and (
        file is None or file.is_relative_to(Path(importlib.machinery.__file__).parents[1])
    )


def _imported(name: str) -> Path | None:
    """The file of an imported module."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return None if file is None else Path(file)


def _elsewhere(name: str, folders: Sequence[Path]) -> str:
    rest = [part for part in sys.path if Path(part) not in folders]
    spec = importlib.machinery.PathFinder.find_spec(name, rest)
    return "built in" if spec is None or spec.origin is None else spec.origin


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """The modules and packages that can be imported from this folder by one name."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = path.stem
        if not name.isidentifier() or name in _NOT_FOR_WORKERS:
            continue
        file = _file_in(folder, name)
        if file is not None and file in (path, path / "__init__.py"):
            yield name, file


def _file_in(folder: Path, name: str) -> Path | None:
    files = (folder / name / "__init__.py", folder / f"{name}.py")
    return next((file for file in files if file.is_file()), None)


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
