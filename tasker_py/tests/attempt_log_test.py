"""An attempt's lines: every record and print with its ids, and the last of them in its outcome."""

import asyncio
import contextlib
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tasker_core import capture, logs
from tasker_core.attempt import Attempt, invoke, invoke_async, prepare
from tasker_core.own_logger import OwnLogger
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, Task

IDS = {
    "task_uuid": "t",
    "step_uuid": "s",
    "step_name": "charge",
    "attempt": 2,
    "correlation_id": "c",
}


class ProcessLog:
    """The process's log, as JSON lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @contextlib.contextmanager
    def configured(self) -> Iterator[None]:
        """Logs as a worker does. Not for a fixture: pytest sets its own streams between phases."""
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        logs.configure("INFO", "json", self.stream)
        try:
            yield
        finally:
            capture.uninstall()
            logs.unbind_attempts()
            root.handlers[:], root.level = handlers, level
            OwnLogger.process_log = None
            for name in ("tasker_core", "httpx"):
                logging.getLogger(name).setLevel(logging.NOTSET)

    def run(self, *handlers: type[StepHandlerBase]) -> list[list[dict[str, Any]]]:
        """Runs the handlers, async ones at once: the lines in their outcomes."""
        attempts = [attempt_of(handler) for handler in handlers]

        async def run_async() -> list[bytes]:
            tasks = [asyncio.create_task(invoke_async(attempt)) for attempt in attempts]
            return await asyncio.gather(*tasks)

        with self.configured():
            if attempts[0].is_async:
                ended = asyncio.run(run_async())
            else:
                ended = [invoke(attempt) for attempt in attempts]
        outcomes = [json.loads(outcome) for outcome in ended]
        assert all(outcome["success"] for outcome in outcomes), outcomes
        return [outcome.get("logs", []) for outcome in outcomes]

    def shown(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def process_log() -> ProcessLog:
    return ProcessLog()


def attempt_of(handler: type[StepHandlerBase]) -> Attempt:
    registry = HandlerRegistry()
    registry.register("handler", handler)
    dispatch = {
        **IDS,
        "max_attempts": 3,
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
    return attempt


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


def ids(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in IDS}


def test_records_of_any_logger_carry_the_ids_and_travel(process_log: ProcessLog) -> None:
    apart = logging.getLogger("a.library.apart")

    class Logging(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            logging.getLogger("a.library").warning("low on %s", "stock")
            logging.getLogger("a.library").debug("below the level")
            apart.error("kept from the root")
            step.logger.info("charged", extra={"amount": 7})
            return {}

    apart.propagate = False
    apart.addHandler(seen := Seen())
    (lines,) = process_log.run(Logging)
    apart.removeHandler(seen)
    assert [(line["level"], line["logger"], line["message"]) for line in lines] == [
        ("warning", "a.library", "low on stock"),
        ("error", "a.library.apart", "kept from the root"),
        ("info", "tasker_core.handler", "charged"),
    ]
    (low, charged) = process_log.shown()
    assert ids(low) == ids(charged) == IDS
    assert (low["level"], low["message"], charged["amount"]) == ("WARNING", "low on stock", 7)
    assert low["timestamp"] == lines[0]["at"]
    assert ids(vars(seen.records[0])) == IDS


class Seen(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_extra_with_the_name_of_an_id_is_no_error(process_log: ProcessLog) -> None:
    class Logging(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            logging.getLogger("a").info("hello", extra={"attempt": 9, "other": 1})
            return {}

    assert messages(*process_log.run(Logging)) == ["hello"]
    (line,) = process_log.shown()
    assert (line["attempt"], line["other"]) == (2, 1)


def test_async_handlers_keep_their_lines_apart(process_log: ProcessLog) -> None:
    class Logging(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            print("before", end=" ")
            await asyncio.sleep(0)
            await asyncio.to_thread(logging.getLogger("a").info, "in a thread")
            print("after")
            return {}

    for lines in process_log.run(Logging, Logging):
        assert messages(lines) == ["in a thread", "before after"]
    assert all(ids(line) == IDS for line in process_log.shown())


def test_a_traceback_travels_with_its_message(process_log: ProcessLog) -> None:
    class Logging(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            try:
                raise KeyError("gone")
            except KeyError:
                logging.getLogger("a").exception("lost")
            return {}

    (message,) = messages(*process_log.run(Logging))
    assert message.startswith("lost\nTraceback (most recent call last):\n")
    assert message.endswith("KeyError: 'gone'")
    assert messages(process_log.shown()) == [message]


def test_arguments_that_do_not_fit_cost_the_handler_nothing(process_log: ProcessLog) -> None:
    class Logging(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            logging.getLogger("a").info("%d of %d", 1)
            return {}

    expected = ["%d of %d (its arguments do not fit)"]
    assert messages(*process_log.run(Logging)) == expected
    assert messages(process_log.shown()) == expected


def test_what_is_printed_is_logged_with_the_ids(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            print("one")
            print("two\nthree", file=sys.stderr)
            sys.stdout.buffer.write("vier ü\n".encode())
            print("half a line", end="")
            return {}

    (lines,) = process_log.run(Printing)
    assert [(line["logger"], line["level"], line["message"]) for line in lines] == [
        ("stdout", "info", "one"),
        ("stderr", "info", "two"),
        ("stderr", "info", "three"),
        ("stdout", "info", "vier ü"),
        ("stdout", "info", "half a line"),
    ]
    assert messages(process_log.shown()) == messages(lines)
    assert all(ids(line) == IDS for line in process_log.shown())


def test_prints_of_threads_that_a_handler_starts_are_not_lost(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            thread = threading.Thread(target=lambda: print("whole\nhalf", end=""))
            thread.start()
            thread.join()
            return {}

    assert process_log.run(Printing) == [[]]
    assert messages(process_log.shown()) == ["whole", "half"]
    assert "task_uuid" not in process_log.shown()[0]


def test_what_is_printed_outside_of_attempts_is_complete_at_the_end(
    process_log: ProcessLog,
) -> None:
    with process_log.configured():
        print("a start", end="")
        assert process_log.shown() == []
    assert messages(process_log.shown()) == ["a start"]


def test_megabytes_are_bounded_in_the_outcome_and_whole_in_the_log(
    process_log: ProcessLog,
) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            for number in range(20_000):
                print(f"{number:0100}")
            print("x" * 3_000_000)
            for number in range(150):
                print(number)
            return {}

    (lines,) = process_log.run(Printing)
    assert len(lines) == 200
    assert messages(lines)[50:] == [str(number) for number in range(150)]
    assert messages(lines)[49] == "x" * 8_192 + "... (2991808 more characters)"
    assert messages(lines)[48] == f"{19_999:0100}"
    whole = messages(process_log.shown())
    assert len(whole) == 20_151
    assert len(whole[20_000]) == 3_000_000


def test_the_lines_of_an_outcome_weigh_at_most_64_kib(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            for number in range(100):
                print(number, "\x00" * 1_000)
            return {}

    (lines,) = process_log.run(Printing)
    assert 40_000 < len(json.dumps(lines)) <= 65_536
    assert lines[-1]["message"] == "99 " + "\x00" * 1_000


def test_a_line_without_an_end_does_not_pile_up(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            for _ in range(20_000):
                sys.stdout.write("x")
            return {}

    assert [len(message) for message in messages(*process_log.run(Printing))] == [
        8_192,
        8_192,
        3_616,
    ]


def test_a_progress_bar_is_its_last_state(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            logging.getLogger("rows").warning("row 17 has no price")
            for done in range(2_000):
                sys.stderr.write(f"\rrows: {done / 20:3.0f}%|{'█' * (done // 200):10}| {done}/2000")
            sys.stderr.write("\n")
            for percent in range(101):
                print(f"{percent} %", end="\r")
            print("windows\r\nreturns\r", end="")
            print("\nhalf\rwhole", end="")
            return {}

    (lines,) = process_log.run(Printing)
    assert messages(lines) == [
        "row 17 has no price",
        "rows: 100%|█████████ | 1999/2000",
        "windows",
        "returns",
        "whole",
    ]
    assert messages(process_log.shown()) == messages(lines)


def test_a_bar_that_never_ends_its_line_shows_its_last_state(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            for percent in range(101):
                print(f"{percent} %", end="\r")
            return {}

    assert messages(*process_log.run(Printing)) == ["100 %"]


def test_a_bar_that_clears_itself_leaves_no_line(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            sys.stderr.write("\rrows: 99 %\r          \r")
            return {}

    assert process_log.run(Printing) == [[]]
    assert process_log.shown() == []


def test_bytes_in_pieces_are_the_characters_that_they_make(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            for byte in "café 💶\n".encode():
                sys.stdout.buffer.write(bytes([byte]))
                await asyncio.sleep(0)
            sys.stdout.buffer.write(b"\xff and the first half of \xc3")
            return {}

    for lines in process_log.run(Printing, Printing):
        assert messages(lines) == ["café 💶", "\\xff and the first half of \\xc3"]


def test_a_log_that_cannot_be_written_costs_the_handler_nothing(process_log: ProcessLog) -> None:
    class Printing(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            print("lost to the process's log")
            return {}

    process_log.stream.close()
    assert messages(*process_log.run(Printing)) == ["lost to the process's log"]


def test_a_handler_that_logs_nothing_sends_no_lines(process_log: ProcessLog) -> None:
    class Silent(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            return {}

    assert b"logs" not in invoke(attempt_of(Silent))


def test_what_is_logged_after_the_handler_is_no_line_of_its_attempt() -> None:
    class Silent(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            return {}

    attempt = attempt_of(Silent)

    async def run() -> None:
        await invoke_async(attempt)
        logging.getLogger("a.library").warning("not the handler's")

    with logs.attempts_bound():
        asyncio.run(run())
    assert attempt.log.take() is None
