"""The end of a worker's process, which what handlers have left running does not put off."""

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from tasker_core import logs
from tasker_core.own_logger import own_logger

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

logger = own_logger(__name__)


def leave(code: int) -> NoReturn:
    """Ends this process at once, and the processes that `multiprocessing` has started in it."""
    try:
        for process in _processes():
            process.terminate()
    finally:
        # Whatever it was that a signal has interrupted.
        os._exit(code)


def leave_within(seconds: float, code: int) -> None:
    """Lets the interpreter end as usual for so long, then leaves.

    As usual means that it waits for threads and processes that are no daemons, for ever if need be.
    """

    def leave_late() -> None:
        time.sleep(seconds)
        running = _running() or ["the functions of atexit"]
        logger.warning("left while these were running: %s", ", ".join(running))
        logs.shut_down()
        leave(code)

    threading.Thread(target=leave_late, name="tasker-departure", daemon=True).start()


def _running() -> list[str]:
    """What keeps the interpreter, in words."""
    # Those of executors keep it, whether they are daemons or not.
    executors = sys.modules.get("concurrent.futures.thread")
    pooled = getattr(executors, "_threads_queues", {})
    threads = [
        f"the thread {thread.name}"
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and (not thread.daemon or thread in pooled)
    ]
    return threads + [f"the process {process.name} ({process.pid})" for process in _processes()]


def _processes() -> "list[BaseProcess]":
    # Imported by whoever has started one; its names are there once it is imported as a whole.
    active = getattr(sys.modules.get("multiprocessing"), "active_children", None)
    return [] if active is None else active()
