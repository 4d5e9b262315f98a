"""What a handler changes for the whole process costs its own lines at most, and no other's."""

import contextlib
import io
import json
import logging
import logging.config
import os
import sys
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest

from tasker_core import capture, logs, shared_settings
from tasker_core.attempt import Attempt, invoke, prepare
from tasker_core.own_logger import OwnLogger
from tasker_core.registry import HandlerRegistry
from tasker_core.shared_settings import SharedSettings
from tasker_core.step_handler import StepHandlerBase
from tasker_core.testing import WorkflowTest
from tasker_core.types import Sequence, Step, Task

TEMPLATE = """
name: migrate
namespace_name: db
version: 1.0.0
steps:
  - name: migrate
    handler: {callable: db.migrate}
  - name: report
    dependencies: [migrate]
    handler: {callable: db.report}
"""

# As migration tools and frameworks bring it: what is there is disabled.
DISABLING: dict[str, Any] = {
    "version": 1,
    "root": {"level": "ERROR", "handlers": []},
    "handlers": {},
}


class Worker:
    """A worker's log, and attempts that run as in a worker."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self._attempts = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Not for a fixture: pytest sets its own streams between phases."""
        root = logging.getLogger()
        before = root.handlers[:], root.level, root.manager.disable
        logs.configure("INFO", "json", self._stream)
        shared_settings.active = SharedSettings()
        try:
            yield
        finally:
            shared_settings.active = None
            capture.uninstall()
            logs.unbind_attempts()
            OwnLogger.process_log = None
            root.handlers[:], root.level, root.manager.disable = before
            for name in ("tasker_core", "httpx"):
                logging.getLogger(name).setLevel(logging.NOTSET)

    def run(self, call: Callable[[Step], object]) -> list[str]:
        """What an attempt with this handler has logged."""

        class Handler(StepHandlerBase):
            def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
                call(step)
                return {}

        registry = HandlerRegistry()
        registry.register("handler", Handler)
        self._attempts += 1
        dispatch = {
            "task_uuid": "t",
            "step_uuid": f"s{self._attempts}",
            "step_name": "step",
            "attempt": 1,
            "max_attempts": 1,
            "namespace": "n",
            "name": "w",
            "version": "1.0.0",
            "callable": "handler",
            "method": "call",
            "idempotency_key": "key",
            "context": {},
        }
        attempt = prepare(registry, dispatch)
        assert isinstance(attempt, Attempt)
        ended = json.loads(invoke(attempt))
        assert ended["success"], ended
        return [line["message"] for line in ended.get("logs", [])]

    def shown(self) -> list[str]:
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [line["message"] for line in lines]

    def warnings(self) -> list[str]:
        return [
            message for message in self.shown() if "which all handlers of the worker" in message
        ]


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Leaves no logger of other tests disabled."""
    before = {other: other.disabled for other in shared_settings._loggers()}
    yield
    for other in shared_settings._loggers():
        other.disabled = before.get(other, False)


def say(step: Step) -> None:
    step.logger.info("step")
    logging.getLogger("reports").info("module")
    logging.getLogger("tasker_core.attempt").info("worker")
    print("print")


ALL = ["step", "module", "worker", "print"]


def test_the_logger_of_a_step_stays_on_in_a_test_of_a_workflow() -> None:
    def migrate(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        step.logger.error("migrating")
        logging.config.dictConfig(DISABLING)
        step.logger.error("migrated")
        return {}

    def report(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        step.logger.error("reported")
        return {}

    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        test = WorkflowTest(TEMPLATE, {"migrate": migrate, "report": report})
        assert test.run({}).status == "complete"
        assert test.history("migrate")[0].logs == ("migrating", "migrated")
        assert test.history("report")[0].logs == ("reported",)
    finally:
        root.handlers[:], root.level = before


def configure(step: Step) -> None:
    logging.config.dictConfig(DISABLING)


CONFIGURED = f"{__file__}:{configure.__code__.co_firstlineno + 1}"


def remove_handlers(step: Step) -> None:
    logging.getLogger().handlers.clear()


def configure_by_force(step: Step) -> None:
    logging.basicConfig(force=True, level="CRITICAL", handlers=[logging.NullHandler()])


def disable(step: Step) -> None:
    logging.disable(logging.CRITICAL)


def replace_streams(step: Step) -> None:
    sys.stdout = sys.stderr = io.StringIO()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            configure,
            [
                f"logging was configured by {CONFIGURED}, with disable_existing_loggers",
                "a handler removed handlers of the root logger",
                "a handler changed the level of the root logger",
            ],
        ),
        (remove_handlers, ["a handler removed handlers of the root logger"]),
        (
            configure_by_force,
            [
                "a handler removed handlers of the root logger",
                "a handler changed the level of the root logger",
            ],
        ),
        (disable, ["a handler called logging.disable"]),
        (replace_streams, ["a handler replaced sys.stdout or sys.stderr"]),
    ],
)
def test_what_a_handler_changes_is_put_back_and_told_once(
    worker: Worker, change: Callable[[Step], object], told: list[str]
) -> None:
    logging.getLogger("reports")
    with worker.running():
        assert worker.run(say) == ALL
        worker.run(change)
        assert worker.run(say) == ALL
        worker.run(change)
        assert worker.run(say) == ALL
    assert [warning.partition(", which all")[0] for warning in worker.warnings()] == told
    assert [message for message in worker.shown() if message in ALL] == ALL * 3


@pytest.mark.parametrize("change", [configure, remove_handlers, configure_by_force, disable])
def test_the_steps_logger_and_the_workers_go_on_within_the_attempt(
    worker: Worker, change: Callable[[Step], object]
) -> None:
    def call(step: Step) -> None:
        change(step)
        say(step)

    with worker.running():
        lines = worker.run(call)
    assert [line for line in lines if line in ("step", "worker")] == ["step", "worker"]
    assert [line for line in worker.shown() if line in ("step", "worker")] == ["step", "worker"]


def test_what_was_set_before_the_first_attempt_stays(worker: Worker) -> None:
    with worker.running():
        logging.config.dictConfig(DISABLING)
        shared_settings.active = SharedSettings()
        worker.run(say)
        assert logging.getLogger().handlers == []
        assert logging.getLogger().level == logging.ERROR
    assert worker.warnings() == []
    assert [message for message in worker.shown() if message in ALL] == ["step", "worker", "print"]


def test_a_log_of_a_modules_own_on_stderr_doubles_no_line(worker: Worker) -> None:
    kept = io.StringIO()
    with worker.running():
        handlers: list[logging.Handler] = [logging.StreamHandler(), logging.StreamHandler(kept)]
        logging.basicConfig(force=True, level="INFO", handlers=handlers)
        shared_settings.active = SharedSettings()
        worker.run(say)
    assert worker.shown() == ["step", "INFO:reports:module", "worker", "print"]
    assert kept.getvalue().splitlines() == [
        "INFO:tasker_core.handler:step",
        "INFO:reports:module",
        "INFO:tasker_core.attempt:worker",
    ]


def test_a_redirection_is_left_to_who_made_it(worker: Worker) -> None:
    caught = io.StringIO()

    def redirect(step: Step) -> None:
        with contextlib.redirect_stdout(caught):
            print("before")
            # Another attempt begins and ends meanwhile.
            worker.run(lambda step: print("other"))
            print("after")

    with worker.running():
        worker.run(redirect)
        assert worker.run(say) == ALL
        worker.run(redirect)
        assert worker.run(say) == ALL
    assert caught.getvalue().split() == ["before", "other", "after"] * 2
    assert worker.warnings() == []


def test_a_stream_that_is_left_replaced_is_put_back_once_its_handler_has_ended(
    worker: Worker,
) -> None:
    def replace(step: Step) -> None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        worker.run(say)

    with worker.running():
        worker.run(replace)
        sys.stdout.close()
        assert worker.run(say) == ALL
    assert len(worker.warnings()) == 1


class Raced(SharedSettings):
    """As if another thread put the streams back just when one has looked at the suspects."""

    @property
    def _suspects(self) -> set[Hashable] | None:
        found: set[Hashable] | None = self.__dict__.pop("suspects", None)
        return found

    @_suspects.setter
    def _suspects(self, value: set[Hashable] | None) -> None:
        self.__dict__["suspects"] = value


def test_attempts_may_begin_at_once_while_a_stream_is_replaced() -> None:
    settings = Raced()
    settings.begin("first")
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        # Of an attempt that began before.
        settings._suspects = {"first"}
        settings.begin("second")
        assert sys.stdout is caught
