"""Threads for sync handlers: made when none is idle, and kept."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadPool(Generic[T]):
    """Runs `work` on a thread of its own for each item, reusing idle threads.

    It has no upper limit: the engine never sends more attempts than the worker offers slots. The
    threads are daemons, so that a handler that never returns does not keep a worker that was told
    to stop.
    """

    def __init__(self, name: str, work: Callable[[T], None]) -> None:
        self._name = name
        self._work = work
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # Threads that wait for an item, less the items that are in the queue for them.
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
            else:
                self._made += 1
        if reuse:
            self._items.put(item)
        else:
            name = f"{self._name}-{self._made}"
            threading.Thread(target=self._run, args=(item,), name=name, daemon=True).start()

    def _run(self, item: T) -> None:
        while True:
            self._work(item)
            del item
            with self._lock:
                self._idle += 1
            item = self._items.get()
