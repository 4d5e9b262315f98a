"""A process that is forked from a worker has nothing of what the worker set up for itself."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# A module that a worker imports: on a thread and in a coroutine it forks as handlers do.
PREPARED = """
import asyncio, logging, multiprocessing, os, signal, sys, threading, time
from concurrent.futures import ProcessPoolExecutor

held = sys.stdout

def on_a_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def in_a_coroutine(work):
    async def run():
        work()
    on_a_thread(lambda: asyncio.run(run()))
"""


def run(folder: Path, program: str, *flags: str) -> tuple[str, list[dict[str, object]]]:
    """What was written to stdout, and the lines of the log, of a worker that imports this.

    The worker ends by itself as soon as the module is imported.
    """
    end = "\nos.kill(os.getpid(), signal.SIGTERM)\n"
    (folder / "forking.py").write_text(PREPARED + textwrap.dedent(program) + end)
    ended = subprocess.run(
        [sys.executable, "-m", "tasker_core.worker", "forking", "--bind=127.0.0.1:0", *flags],
        env={"PYTHONPATH": os.pathsep.join([*sys.path, str(folder)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = ended.stderr.splitlines()
    return ended.stdout, [json.loads(line) for line in lines if line.startswith("{")]


def said(lines: list[dict[str, object]]) -> list[object]:
    return [line["message"] for line in lines if line.get("logger") in ("stdout", "stderr")]


@pytest.mark.parametrize("where", ["on_a_thread", "in_a_coroutine"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_it_as_any_process(
    tmp_path: Path, where: str, number: signal.Signals
) -> None:
    stdout, lines = run(
        tmp_path,
        f"""
        def work():
            # As soon as it is there: no signal is lost before it is rid of the worker's handlers.
            children = [multiprocessing.Process(target=time.sleep, args=[600]) for _ in range(20)]
            for child in children:
                child.start()
                os.kill(child.pid, {int(number)})
                child.join()
            print({{child.exitcode for child in children}})
        {where}(work)
        """,
    )
    assert said(lines) == [str({-number})]
    assert stdout == ""


def test_an_interrupt_is_the_exception_that_it_is_anywhere(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path,
        """
        def work():
            child = os.fork()
            if child == 0:
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(600)
                except KeyboardInterrupt:
                    os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        on_a_thread(work)
        """,
    )
    assert said(lines) == ["7"]


def test_a_pool_that_is_given_up_is_gone_at_once(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path,
        """
        def work():
            with multiprocessing.Pool(2) as pool:
                busy = pool.apply_async(time.sleep, [600])
                try:
                    busy.get(0)
                except multiprocessing.TimeoutError:
                    print("given up")
            executor = ProcessPoolExecutor(1)
            executor.submit(os.getpid).result()
            for child in multiprocessing.active_children():
                child.terminate()
                child.join()
                print(child.exitcode)
        on_a_thread(work)
        """,
    )
    assert said(lines) == ["given up", "-15"]


def test_what_it_prints_and_logs_is_its_own(tmp_path: Path) -> None:
    stdout, lines = run(
        tmp_path,
        """
        from tasker_core.attempt_log import AttemptLog, current_log

        def work():
            current_log.set(AttemptLog({"task_uuid": "t", "step_uuid": "s", "attempt": 1}))
            print("the attempt's ", end="")
            child = os.fork()
            if child == 0:
                print("printed")
                print("held", file=held)
                held.flush()
                sys.stdout.flush()
                logging.getLogger("child").warning("logged")
                os._exit(0)
            os.waitpid(child, 0)
            print("line")
        on_a_thread(work)
        """,
    )
    assert stdout == "printed\nheld\n"
    assert said(lines) == ["the attempt's line"]
    (logged,) = [line for line in lines if line.get("logger") == "child"]
    assert (logged["message"], "task_uuid" in logged) == ("logged", False)


def test_a_line_that_another_thread_has_begun_is_logged_once(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path,
        """
        begun, over = threading.Event(), threading.Event()

        def begin():
            print("half", end="")
            begun.set()
            over.wait()
            print(" and half")

        thread = threading.Thread(target=begin)
        thread.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        over.set()
        thread.join()
        """,
    )
    assert said(lines) == ["half and half"]


@pytest.mark.parametrize("is_async", ["", "async"])
def test_one_that_returns_from_a_handler_logs_none_of_the_attempts_lines_again(
    tmp_path: Path, is_async: str
) -> None:
    _, lines = run(
        tmp_path,
        f"""
        from tasker_core.attempt import invoke, invoke_async, prepare
        from tasker_core.registry import HandlerRegistry
        from tasker_core.step_handler import StepHandlerBase

        class Forking(StepHandlerBase):
            {is_async} def call(self, task, sequence, step):
                print("begun, ", end="")
                child = os.fork()
                if child:
                    print("and left by", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                return {{}}

        def work():
            registry = HandlerRegistry()
            registry.register("forking", Forking)
            dispatch = {{
                **dict.fromkeys(("task_uuid", "step_uuid", "step_name", "namespace"), "n"),
                **dict.fromkeys(("name", "version", "idempotency_key"), "n"),
                **{{"attempt": 1, "max_attempts": 1, "callable": "forking", "method": "call"}},
                "context": {{}},
            }}
            attempt = prepare(registry, dispatch)
            asyncio.run(invoke_async(attempt)) if attempt.is_async else invoke(attempt)
        on_a_thread(work)
        """,
    )
    assert said(lines) == ["begun, and left by 70"]


def test_it_does_not_keep_the_workers_port(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path,
        """
        import re, socket

        def descriptors():
            links = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")
                     if os.path.exists(f"/proc/self/fd/{name}")]
            inodes = {found[1] for link in links if (found := re.match(r"socket:.(\\d+)", link))}
            with open("/proc/self/net/tcp") as table:
                listening = {line.split()[9] for line in table if line.split()[3] == "0A"}
            return len(inodes & listening)

        def work():
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, str(descriptors()).encode())
                os._exit(0)
            print(descriptors(), int(os.read(reader, 10)))
            os.waitpid(child, 0)
        on_a_thread(work)
        """,
    )
    assert said(lines) == ["1 0"]
