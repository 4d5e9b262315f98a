"""The worker process: `python -m tasker_core.worker [MODULE...]`."""

import atexit
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from tasker_core import __version__, _native, logs, shared_settings, tracing
from tasker_core.departure import leave, leave_within
from tasker_core.errors import ConfigurationError, NativeError
from tasker_core.executor import Executor
from tasker_core.forks import handle_signals
from tasker_core.handler_imports import HandlerImports
from tasker_core.lifeline import Lifeline
from tasker_core.own_logger import own_logger
from tasker_core.registry import HandlerRegistry
from tasker_core.serialization import allow_integers_of_any_size
from tasker_core.settings import WorkerSettings, read_settings, unknown_variables
from tasker_core.shared_settings import SharedSettings
from tasker_core.signal_wait import SignalWait
from tasker_core.template_files import template_paths

logger = own_logger("tasker_core.worker")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# What a worker takes to end after its drain time-out, at most; its parent waits a little longer.
LAST_SECONDS = 1.0


class WorkerBootstrap:
    """Brings a worker up: imports handlers, starts the session, runs attempts until it has drained.

    Whatever hinders it from serving its templates (a template that is not valid, a handler that
    cannot be imported) is logged with its traceback and shown on the health page; the worker stays
    up, is not ready, takes no attempts and registers nothing.
    """

    def __init__(self, settings: WorkerSettings, registry: HandlerRegistry | None = None) -> None:
        self._settings = settings
        self._registry = registry or HandlerRegistry.default()
        self._native: _native.Worker | None = None
        self._has_begun = False
        self._is_to_drain = False

    @property
    def address(self) -> str:
        """Where the health page is, as host:port. The worker must have been opened."""
        address: str = json.loads(self._opened().opened)["address"]
        return address

    def open(self) -> None:
        """Opens the health page, before anything is imported.

        NativeError when its port cannot be had, or the engine's address is none.
        """
        settings = self._settings
        options = {
            "urls": settings.urls,
            "token": settings.token,
            "bind": settings.bind,
            "hosts": settings.hosts,
            "worker_id": settings.worker_id,
            "language": "python",
            "version": __version__,
            "template_paths": template_paths(settings.template_path),
            "slots": settings.slots,
        }
        os.register_at_fork(after_in_child=_native.forked)
        self._native = _native.Worker(json.dumps(options))
        logger.info("handlers are being imported, as http://%s/health shows", self.address)

    def start(self) -> None:
        """Imports the handlers and starts the session."""
        native = self._opened()
        imports = HandlerImports(self._settings, self._registry, native.importing)
        imports.run()
        # After the imports, which may have set a provider of their own, and configured logging.
        tracing.configure(os.environ)
        shared_settings.active = SharedSettings()
        imported = {
            "callables": self._registry.list_handlers(),
            "problems": imports.problems,
        }
        self._has_begun = True
        native.begin(json.dumps(imported))
        if self._is_to_drain:
            self.drain()

    def run(self) -> bool:
        """Runs attempts until the session has ended. Gives whether every handler has ended too."""
        native = self._opened()
        executor = Executor(native, self._registry, self._settings.slots)
        failure: list[BaseException] = []
        ended = threading.Event()
        with SignalWait() as waiting:

            def pump() -> None:
                try:
                    executor.run()
                except BaseException as error:  # raised again below, on the main thread.
                    failure.append(error)
                finally:
                    ended.set()
                    waiting.wake()

            # On a thread of its own: no signal interrupts `next`.
            threading.Thread(target=pump, name="tasker-session", daemon=True).start()
            while not ended.is_set():
                waiting.wait()
        native.close()
        if failure:
            raise failure[0]
        held = executor.held()
        if held:
            logger.warning("left while these handlers were running: %s", ", ".join(held))
        return not held

    def drain(self) -> None:
        """Takes no more attempts; `run` ends when none is held, or after the drain time-out.

        May come from a signal handler, in the middle of `start` too.
        """
        self._is_to_drain = True
        if self._native is not None:
            self._native.drain(int(self._settings.drain_timeout * 1000))

    @property
    def has_begun(self) -> bool:
        """Whether there is a session to drain, or will be in a moment: it may have attempts."""
        return self._has_begun

    def _opened(self) -> _native.Worker:
        if self._native is None:
            raise RuntimeError("the worker has not been opened")
        return self._native


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs a worker, or several, until SIGTERM or SIGINT; a second signal ends it at once.

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
    # After what handlers' modules have registered: that may print.
    atexit.register(logs.shut_down)
    if settings.processes > 1:
        # Only a parent needs what it takes to be one.
        from tasker_core.supervisor import Supervisor

        return Supervisor(settings, argv).run()
    lifeline = None if settings.lifeline is None else Lifeline(settings.lifeline)
    bootstrap = WorkerBootstrap(settings)
    leave_at: float | None = None

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal leave_at
        if leave_at is not None:
            leave(128 + number)
        leave_at = time.monotonic() + settings.drain_timeout
        if not bootstrap.has_begun:
            # It has no attempts to wait for; what is being imported may never end.
            try:
                if lifeline is not None:
                    lifeline.tell_left()
                logs.shut_down()
            finally:
                leave(0)
        logger.info("%s was received", signal.Signals(number).name)
        bootstrap.drain()

    handle_signals(STOP_SIGNALS, stop)
    code = 1
    try:
        bootstrap.open()
        if lifeline is not None:
            lifeline.tell_address(bootstrap.address)
        bootstrap.start()
        idle = bootstrap.run()
        code = 0
    except NativeError as error:
        logger.error("%s", error)
        return code
    finally:
        left = settings.drain_timeout if leave_at is None else leave_at - time.monotonic()
        leave_within(max(left, LAST_SECONDS), code)
    tracing.shut_down()
    logger.info("stopped")
    if lifeline is not None:
        lifeline.tell_left()
    if not idle:
        # Their threads may never return; leaving without them is what the drain time-out means.
        logs.shut_down()
        leave(code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
