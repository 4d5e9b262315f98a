"""Imports what a worker's templates name, and collects what is wrong with it."""

import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasker_core import module_files, task_handler
from tasker_core.definition import unknown_inputs
from tasker_core.errors import HandlerNotFoundError, InvalidArgumentError, InvalidHandlerError
from tasker_core.own_logger import own_logger
from tasker_core.registry import Handler, HandlerRegistry, import_object
from tasker_core.settings import WorkerSettings
from tasker_core.template_files import checked, template_files
from tasker_core.test_environment import TestEnvironmentLoader, add_to_import_path, handler_folders

logger = own_logger(__name__)


class HandlerImports:
    """Runs the imports; a problem is logged with its traceback, and kept as a sentence."""

    def __init__(
        self,
        settings: WorkerSettings,
        registry: HandlerRegistry,
        on_import: Callable[[str], None],
    ) -> None:
        """`on_import` is told each module before it is imported."""
        self.problems: list[str] = []
        self._on_import = on_import
        self._settings = settings
        self._registry = registry

    def run(self) -> None:
        """Imports the modules that are named, then the handlers of all templates."""
        self._import_modules()
        self._resolve_handlers()

    def _import_modules(self) -> None:
        folders = handler_folders(self._settings.handler_path)
        for folder in folders:
            if not folder.is_dir():
                self._tell(f"TASKER_HANDLER_PATH names {folder}, which is no folder")
        add_to_import_path(folders)
        for conflict in module_files.conflicts(folders):
            self._tell(conflict)
        for module in self._settings.modules:
            self._on_import(module)
            try:
                importlib.import_module(module)
            except BaseException as error:  # a module may raise anything, SystemExit too.
                self._report(f"the module {module} cannot be imported", error)
        loader = TestEnvironmentLoader(
            {
                "TASKER_ENV": self._settings.environment,
                "TASKER_HANDLER_PATH": self._settings.handler_path,
            }
        )
        if loader.should_load():
            self._on_import("the handlers below TASKER_HANDLER_PATH")
            loader.load_example_handlers()
            for file, raised in loader.problems.items():
                self._report(f"{file} cannot be imported", raised)

    def _resolve_handlers(self) -> None:
        templates = [
            template
            for path in template_files(self._settings.template_path)
            if (template := _checked(path)) is not None
        ]
        handlers = {
            (handler["callable"], handler["method"])
            for template in templates
            for handler in template["handlers"]
        }
        found: dict[tuple[str, str], Handler] = {}
        for name, method in sorted(handlers):
            self._on_import(_module_of(name))
            try:
                found[name, method] = self._registry.resolve(name, method)
            except BaseException as error:  # importing a module may raise anything.
                self._report(f"the handler {name} cannot be resolved", error)
        for template in templates:
            self._check_inputs(template, found)
        for template in templates:
            if "task_handler" in template:
                self._check_task_handler(template)

    def _check_task_handler(self, template: dict[str, Any]) -> None:
        """Holds the template's task handler against the template; nothing calls it."""
        name, title = template["task_handler"], _title(template)
        self._on_import(_module_of(name))
        try:
            handler = import_object(name)
            if (wrong := task_handler.problem(handler)) is not None:
                self._tell(f"the task handler {name} of {title}: {wrong}")
                return
            for difference in task_handler.check(handler, template["document"]):
                self._tell(f"the task handler {name} does not fit {title}: {difference}")
        except BaseException as error:  # importing a module may raise anything.
            self._report(f"the task handler {name} of {title} cannot be used", error)

    def _check_inputs(
        self, template: dict[str, Any], found: dict[tuple[str, str], Handler]
    ) -> None:
        """Holds what typed handlers take against the steps of a template."""
        title = _title(template)
        for named in template["handlers"]:
            name = named["callable"]
            handler = found.get((name, named["method"]))
            if handler is None or named["method"] != "call":
                continue
            try:
                if (unknown := unknown_inputs(handler, template["steps"])) is not None:
                    raise InvalidHandlerError(name, f"{unknown} ({title})")
            except BaseException as error:  # what the handler is asked may be the user's.
                self._report(f"the handler {name} does not fit {title}", error)

    def _report(self, what: str, error: BaseException) -> None:
        if isinstance(error, HandlerNotFoundError):
            self._tell(str(error))
        else:
            logger.error("%s:\n%s", what, "".join(traceback.format_exception(error)))
            reason = "".join(traceback.format_exception_only(error)).strip()
            self.problems.append(f"{what}: {reason}{_place(error)}")

    def _tell(self, problem: str) -> None:
        logger.error("%s", problem)
        self.problems.append(problem)


def _title(template: dict[str, Any]) -> str:
    return f"{template['namespace']}/{template['name']} {template['version']}"


def _module_of(callable_name: str) -> str:
    """The module of a callable that is an import path; a registered name may be any word."""
    return callable_name.rpartition(".")[0] or callable_name


def _checked(file: Path) -> dict[str, Any] | None:
    """What handlers need to know of a valid template."""
    try:
        return checked(file.read_bytes(), str(file))
    except (InvalidArgumentError, OSError):
        # The session's start reads the same files and reports what is wrong with them.
        return None


def _place(error: BaseException) -> str:
    """Where in the user's code an import failed, if it got there."""
    own = str(Path(__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if "importlib" not in frame.filename and not frame.filename.startswith(own):
            return f" ({frame.filename}, line {frame.lineno})"
    return ""
