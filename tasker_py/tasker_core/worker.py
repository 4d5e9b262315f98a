"""The worker process: `python -m tasker_core.worker [MODULE...]`."""

import importlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from tasker_core import __version__, _native, logs
from tasker_core.errors import (
    ConfigurationError,
    HandlerNotFoundError,
    InvalidArgumentError,
    NativeError,
)
from tasker_core.executor import Executor
from tasker_core.registry import HandlerRegistry, import_object
from tasker_core.serialization import allow_integers_of_any_size
from tasker_core.settings import WorkerSettings, read_settings, unknown_variables
from tasker_core.test_environment import TestEnvironmentLoader, add_to_import_path, handler_folders

logger = logging.getLogger("tasker_core.worker")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class WorkerBootstrap:
    """Brings a worker up: imports handlers, starts the session, runs attempts until it has drained.

    Whatever hinders it from serving its templates (a template that is not valid, a handler that
    cannot be imported) is logged with its traceback and shown on the health page; the worker stays
    up, is not ready and takes no attempts.
    """

    def __init__(self, settings: WorkerSettings, registry: HandlerRegistry | None = None) -> None:
        self._settings = settings
        self._registry = registry or HandlerRegistry.default()
        self._problems: list[str] = []
        self._native: _native.Worker | None = None

    @property
    def address(self) -> str:
        """Where the health page is, as host:port. The worker must have been started."""
        address: str = json.loads(self._started().started)["address"]
        return address

    def start(self) -> None:
        """Imports the handlers and starts the session.

        NativeError when the health port cannot be had.
        """
        self._import_modules()
        self._resolve_handlers()
        settings = self._settings
        options = {
            "urls": settings.urls,
            "token": settings.token,
            "bind": settings.bind,
            "worker_id": settings.worker_id,
            "language": "python",
            "version": __version__,
            "namespaces": [],
            "callables": self._registry.list_handlers(),
            "template_paths": _template_paths(settings.template_path),
            "slots": self._slots,
            "problems": self._problems,
        }
        # A signal waits until there is a session to drain: attempts may come from its first moment.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self._native = _native.Worker(json.dumps(options))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def run(self) -> bool:
        """Runs attempts until the session has ended. Gives whether every handler has ended too."""
        native = self._started()
        executor = Executor(native, self._registry, self._slots)
        failure: list[BaseException] = []
        ended = threading.Event()

        def pump() -> None:
            try:
                executor.run()
            except BaseException as error:  # raised again below, on the main thread.
                failure.append(error)
            finally:
                ended.set()

        # On a thread of its own: the main thread waits where a signal can interrupt it, which
        # `next` is not.
        threading.Thread(target=pump, name="tasker-session", daemon=True).start()
        ended.wait()
        native.close()
        if failure:
            raise failure[0]
        held = executor.held()
        if held:
            logger.warning("left while these handlers were running: %s", ", ".join(held))
        return not held

    def drain(self) -> None:
        """Takes no more attempts; `run` ends when none is held, or after the drain time-out."""
        self._started().drain(int(self._settings.drain_timeout * 1000))

    @property
    def is_started(self) -> bool:
        """Whether there is a session to drain."""
        return self._native is not None

    @property
    def _slots(self) -> int:
        # A worker with a problem takes nothing: it would fail what another one, or the next
        # version, can do.
        return 0 if self._problems else self._settings.slots

    def _started(self) -> _native.Worker:
        if self._native is None:
            raise RuntimeError("the worker has not been started")
        return self._native

    def _import_modules(self) -> None:
        add_to_import_path(handler_folders(self._settings.handler_path))
        for module in self._settings.modules:
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
            loader.load_example_handlers()
            for file, raised in loader.problems.items():
                self._report(f"{file} cannot be imported", raised)

    def _resolve_handlers(self) -> None:
        templates = [
            template
            for path in _template_files(self._settings.template_path)
            if (template := _checked(path)) is not None
        ]
        handlers = {
            (handler["callable"], handler["method"])
            for template in templates
            for handler in template["handlers"]
        }
        for name, method in sorted(handlers):
            try:
                self._registry.resolve(name, method)
            except BaseException as error:  # importing a module may raise anything.
                self._report(f"the handler {name} cannot be resolved", error)
        # Nothing calls a task handler, so it may be any object.
        for name in sorted(
            {template["task_handler"] for template in templates if "task_handler" in template}
        ):
            try:
                if not self._registry.is_registered(name):
                    import_object(name)
            except BaseException as error:
                self._report(f"the task handler {name} cannot be resolved", error)

    def _report(self, what: str, error: BaseException) -> None:
        if isinstance(error, HandlerNotFoundError):
            logger.error("%s", error)
            self._problems.append(str(error))
        else:
            logger.error("%s:\n%s", what, "".join(traceback.format_exception(error)))
            reason = "".join(traceback.format_exception_only(error)).strip()
            self._problems.append(f"{what}: {reason}{_place(error)}")


def _template_paths(path: str) -> list[str]:
    return [part for part in path.split(":") if part]


def _template_files(path: str) -> list[Path]:
    files: list[Path] = []
    for part in map(Path, _template_paths(path)):
        if part.is_dir():
            files += (file for file in sorted(part.rglob("*")) if file.suffix in (".yaml", ".yml"))
        elif part.is_file():
            files.append(part)
    return files


def _checked(file: Path) -> dict[str, Any] | None:
    """What handlers need to know of a valid template."""
    try:
        checked: dict[str, Any] = json.loads(_native.template_check(file.read_bytes(), str(file)))
    except (InvalidArgumentError, OSError):
        # The session's start reads the same files and reports what is wrong with them.
        return None
    return checked


def _place(error: BaseException) -> str:
    """Where in the user's code an import failed, if it got there."""
    own = str(Path(__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if "importlib" not in frame.filename and not frame.filename.startswith(own):
            return f" ({frame.filename}, line {frame.lineno})"
    return ""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs a worker until SIGTERM or SIGINT; a second signal ends it at once.

    Gives the exit code.
    """
    try:
        settings = read_settings(argv, environ)
    except ConfigurationError as error:
        print(f"tasker worker: {error}", file=sys.stderr)
        return 2
    log_format = settings.log_format or ("console" if sys.stderr.isatty() else "json")
    logs.configure(settings.log_level, log_format)
    # From where the native library takes the level and the form of its own log.
    os.environ.update(LOG_LEVEL=settings.log_level, TASKER_LOG_FORMAT=log_format)
    allow_integers_of_any_size()
    for sentence in unknown_variables(environ):
        logger.warning("%s", sentence)
    bootstrap = WorkerBootstrap(settings)
    told_to_stop = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal told_to_stop
        if told_to_stop or not bootstrap.is_started:
            os._exit(128 + number if told_to_stop else 0)
        told_to_stop = True
        logger.info("%s was received", signal.Signals(number).name)
        bootstrap.drain()

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    try:
        bootstrap.start()
        idle = bootstrap.run()
    except NativeError as error:
        logger.error("%s", error)
        return 1
    logger.info("stopped")
    if not idle:
        # Their threads may never return; leaving without them is what the drain time-out means.
        logs.shut_down()
        os._exit(0)
    logs.shut_down()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
