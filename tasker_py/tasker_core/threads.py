"""Threads for sync handlers: made when none is idle, and kept."""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from tasker_core.own_logger import own_logger

logger = own_logger(__name__)

T = TypeVar("T")


class ThreadPool(Generic[T]):
    """Runs `work` on a thread of its own for each item, reusing idle threads.

    It has no upper limit: the engine never sends more attempts than the worker offers slots. The
    threads are daemons, so that a handler that never returns does not keep a worker that was told
    to stop. `work` must not raise.
    """

    def __init__(self, name: str, work: Callable[[T], None]) -> None:
        self._name = name
        self._work = work
        self._items: deque[T] = deque()
        # Wakes one waiting thread for each item.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # Threads that wait for an item, less the items that are there for them.
        self._idle = 0
        self._made = 0

    def submit(self, item: T) -> None:
        """Starts the work on this item at once.

        RuntimeError when the system gives no more threads.
        """
        with self._lock:
            reuse = self._idle > 0
            if reuse:
                self._idle -= 1
        if reuse:
            self._items.append(item)
            self._wake.put(None)
        else:
            self._start(item)

    def _start(self, *first: T) -> None:
        with self._lock:
            self._made += 1
            name = f"{self._name}-{self._made}"
        threading.Thread(target=self._run, args=first, name=name, daemon=True).start()

    def _run(self, *first: T) -> None:
        for item in first:
            self._work(item)
            del item
            with self._lock:
                self._idle += 1
        del first
        try:
            self._wait()
        except BaseException as error:
            # Raised in this thread from outside, too late for the handler that it was meant for.
            logger.warning("an idle thread for handlers was ended by %r", error)
            self._start()

    def _wait(self) -> None:
        while True:
            # One that was here already lost the thread that was woken for it.
            if not self._items:
                self._wake.get()
            try:
                item = self._items.popleft()
            except IndexError:
                continue
            self._work(item)
            del item
            with self._lock:
                self._idle += 1
