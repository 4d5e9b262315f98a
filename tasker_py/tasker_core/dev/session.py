"""`tasker dev`: brings the parts up in their order, runs a workflow, takes them down again."""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasker_core.client import ApiError, JsonText, TaskerClient
from tasker_core.client.lines import event_line
from tasker_core.client.telling import failure_of, results_of
from tasker_core.dev import installed, interrupts, ports, readiness
from tasker_core.dev.postgres import Cluster
from tasker_core.dev.processes import Service
from tasker_core.errors import DevError
from tasker_core.serialization import allow_integers_of_any_size
from tasker_core.settings import unknown_variables

READY_SECONDS = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
# What says where another Tasker is, and how it is reached.
OF_ANOTHER = (
    "TASKER_BIND",
    "TASKER_ENGINE_ID",
    "TASKER_TLS_CERT",
    "TASKER_TLS_KEY",
    "TASKER_TOKEN",
    "TASKER_URL",
)
# What is started here is not started again: who does not answer soon has ended.
RETRY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `tasker dev` is told; the paths of handlers and templates are as they were given."""

    task: str
    context: str
    port: int
    worker_port: int
    postgres_port: int
    data: Path
    server: Path
    handler_path: str
    template_path: str
    environ: Mapping[str, str]
    """Of the engine and the worker; see `usable`."""
    once: bool


def default_data_folder(environ: Mapping[str, str]) -> Path:
    """The user's folder for state; for root one that an unprivileged PostgreSQL can reach."""
    if os.geteuid() == 0:
        return Path("/var/lib/tasker/dev")
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "tasker" / "dev"


def usable(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What of an environment counts for the parts, and sentences about what does not."""
    passed = {name: value for name, value in environ.items() if name not in OF_ANOTHER}
    passed.setdefault("TASKER_ENV", "development")
    sentences = unknown_variables(environ)
    if dropped := [name for name in OF_ANOTHER if environ.get(name)]:
        sentences.append(
            f"not used: {', '.join(dropped)}, as `tasker dev` brings up an engine and a worker of "
            "its own"
        )
    return passed, sentences


def find_server(environ: Mapping[str, str]) -> Path:
    """The engine's program: TASKER_SERVER_BIN, else this wheel's, else the one in the PATH."""
    named = environ.get("TASKER_SERVER_BIN") or installed.server()
    found = named or shutil.which(installed.PROGRAM, path=environ.get("PATH"))
    if found is None:
        raise DevError(
            f"there is no program {installed.PROGRAM} in the PATH; name the engine's program with "
            "TASKER_SERVER_BIN"
        )
    server = Path(found).absolute()
    if not os.access(server, os.X_OK):
        raise DevError(f"{server}, the engine's program, is not there or cannot be run")
    return server


def run(options: Options, say: Callable[[str], None], complain: Callable[[str], None]) -> int:
    """Runs until Ctrl-C, or until the result with `once`.

    Gives the exit code; leaves no process behind. `complain` is given why it cannot go on, at once.
    """
    for number in SIGNALS:
        signal.signal(number, interrupts.handle)
    session = _Session(options, say)
    try:
        return session.run()
    except DevError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 0 if session.is_up else INTERRUPTED
    finally:
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: session.kill())
        session.stop()


class _Session:
    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._begun = time.monotonic()
        # In the order of their start.
        self._services: list[Service] = []
        self.is_up = False

    def run(self) -> int:
        options = self._options
        allow_integers_of_any_size()
        # The folders are for PostgreSQL's user, too; what is secret has a mode of its own.
        os.umask(0o022)
        logs = options.data / "logs"
        try:
            logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DevError(f"{logs} cannot be made: {error.strerror}; see --data-dir") from None
        with _locked(options.data):
            ports.require_free(options.port, "the engine", "--port")
            ports.require_free(options.worker_port, "the worker's health page", "--worker-port")
            ports.require_free(options.postgres_port, "PostgreSQL", "--postgres-port")
            for log in logs.iterdir():
                log.unlink()
            url = self._bring_up(logs)
            with TaskerClient(url, retry_seconds=RETRY_SECONDS) as engine:
                succeeded = self._run_task(engine)
            if options.once:
                return 0 if succeeded else 1
            self.is_up = True
            self._say(f"\nEverything stays up until Ctrl-C; data and logs are in {options.data}.")
            self._wait_for_an_end()
            return 1

    def stop(self) -> None:
        """Stops everything, the last first."""
        for service in reversed(self._services):
            service.stop()

    def kill(self) -> None:
        """Stops everything at once."""
        for service in self._services:
            service.kill()

    def _bring_up(self, logs: Path) -> str:
        """Gives the engine's URL."""
        options = self._options
        cluster = Cluster(options.data, logs, options.postgres_port)
        server = cluster.start()
        self._services.append(server)
        cluster.wait_until_ready(server)
        self._report(f"PostgreSQL {cluster.version}", f"127.0.0.1:{options.postgres_port}")

        environ = options.environ
        engine_url = f"http://127.0.0.1:{options.port}"
        engine_environ = {
            **environ,
            "DATABASE_URL": cluster.url,
            "TASKER_BIND": f"127.0.0.1:{options.port}",
            "TASKER_ENGINE_ID": "dev",
        }
        engine_log = logs / "engine.log"
        migration = Service(
            "the migration", [options.server, "migrate"], engine_log, environ=engine_environ
        )
        self._services.append(migration)
        migration.wait_for_success()
        self._services.remove(migration)
        engine = Service(
            "the engine", [options.server, "serve"], engine_log, environ=engine_environ
        )
        self._services.append(engine)

        worker_url = f"http://127.0.0.1:{options.worker_port}"
        worker = Service(
            "the Python worker",
            # Safe path: a module is not taken from whatever folder this is started in.
            [sys.executable, "-P", "-m", "tasker_core.worker"],
            logs / "python-worker.log",
            environ={
                **environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "TASKER_BIND": f"127.0.0.1:{options.worker_port}",
                "TASKER_LOG_FORMAT": environ.get("TASKER_LOG_FORMAT", "console"),
                "TASKER_URL": engine_url,
                "TASKER_HANDLER_PATH": options.handler_path,
                "TASKER_TEMPLATE_PATH": options.template_path,
            },
            # Its messages name files as they were given; relative ones of handlers are found, too.
            folder=Path.cwd(),
        )
        self._services.append(worker)

        def engine_missing() -> str:
            # For the DevError: what the worker has found wrong does not wait for the engine.
            readiness.missing(worker_url)
            return readiness.missing(engine_url)

        engine.wait_until(engine_missing, READY_SECONDS)
        self._report("engine", engine_url)
        worker.wait_until(lambda: readiness.missing(worker_url), READY_SECONDS)
        self._report("Python worker", f"{worker_url}/health")
        return engine_url

    def _report(self, name: str, address: str) -> None:
        self._say(f"{name:<18}{address:<32}up after {time.monotonic() - self._begun:.1f} s")

    def _run_task(self, engine: TaskerClient) -> bool:
        options = self._options
        namespace, _, name = options.task.partition("/")
        self._say(f"\n{options.task} {options.context}")
        try:
            task = engine.create_task(namespace, name, JsonText(options.context))
            self._say(f"task {task.task_uuid}")
            for event in engine.follow(task.task_uuid):
                failure = failure_of(engine, task.task_uuid, event)
                if (line := event_line(event, failure)) is not None:
                    self._say(line)
                if event.kind == "task" and event.status.is_settled:
                    break
            task = engine.get_task(task.task_uuid)
            if not task.status.is_success:
                self._say(f"the task is {task.status}")
                return False
            for line in results_of(engine, task):
                self._say(line)
        except ApiError as error:
            self._require_running()
            raise DevError(str(error)) from error
        self._say(f"({time.monotonic() - self._begun:.1f} s after the start)")
        return True

    def _require_running(self) -> None:
        for service in self._services:
            if not service.is_running():
                raise service.ended()

    def _wait_for_an_end(self) -> None:
        """Waits until a part ends by itself, which is an error."""
        while True:
            # Takes notice of an end and leaves the rest to `_require_running`.
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            self._require_running()


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Keeps a second `tasker dev` off the folder."""
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DevError(
                f"another `tasker dev`, process {lock.read().strip()}, uses {data}; "
                "stop it, or choose another folder with --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
