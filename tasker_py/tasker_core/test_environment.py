"""Loads every handler below TASKER_HANDLER_PATH when the worker runs in a test environment."""

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path


class TestEnvironmentLoader:
    """Imports the `*_handler.py` files of the handler folders.

    `problems` holds, after `load_example_handlers`, each file that could not be imported and what
    it raised. A worker that has one is not ready.
    """

    __test__ = False  # The name begins like a test class's; pytest would collect it.

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self.problems: dict[Path, BaseException] = {}

    def should_load(self) -> bool:
        """True when TASKER_ENV is `test`."""
        return self._environ.get("TASKER_ENV") == "test"

    def load_example_handlers(self) -> list[str]:
        """Imports every `*_handler.py` below the folders of TASKER_HANDLER_PATH.

        Gives the modules' names, which begin below the folder.
        """
        folders = handler_folders(self._environ.get("TASKER_HANDLER_PATH", ""))
        add_to_import_path(folders)
        names = []
        for folder in folders:
            for file in sorted(folder.rglob("*_handler.py")):
                name = ".".join(file.relative_to(folder).with_suffix("").parts)
                try:
                    importlib.import_module(name)
                except BaseException as error:  # a module may raise anything, SystemExit too.
                    self.problems[file] = error
                else:
                    names.append(name)
        return names


def handler_folders(path: str) -> list[Path]:
    """The folders of a `:`-separated path, absolute."""
    return [Path(part).absolute() for part in path.split(":") if part]


def add_to_import_path(folders: list[Path]) -> None:
    """Puts the folders first in the import path, in their order, as PYTHONPATH would."""
    new = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path[:0] = new
