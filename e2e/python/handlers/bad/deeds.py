"""What a bad handler does, by the name under which a test asks for it."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tasker_core.types import StepHandlerCallResult


class Unheard(BaseException):
    """No `Exception`, as few things are."""


class SpeechlessError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        """Raises instead."""
        raise ValueError("no words")


def success(results: object) -> StepHandlerCallResult:
    """A success with results that JSON may not be able to hold."""
    return StepHandlerCallResult.success(results=results)


def a_circle() -> object:
    """A list that contains itself."""
    circle: list[object] = []
    circle.append(circle)
    return success(circle)


def a_generator() -> Iterator[int]:
    """What a handler with a `yield` in it returns."""
    yield 1


def raise_it(error: BaseException) -> object:
    """Raises it."""
    raise error


def recurse() -> object:
    """Never comes to an end."""
    return recurse()


def end_thread() -> object:
    """Ends the thread that runs the handler, as `_thread.exit` does."""
    # `threading` has no name for it.
    import _thread

    _thread.exit()


def fork_and_return() -> object:
    """Both processes return; the handler's own waits for the other's end."""
    child = os.fork()
    if child == 0:
        return {"process": "child"}
    _, status = os.waitpid(child, 0)
    return {"process": os.getpid(), "status_of_child": os.waitstatus_to_exitcode(status)}


def print_megabytes() -> object:
    """Four megabytes in lines, and one in a line, to both streams."""
    for stream in (sys.stdout, sys.stderr):
        for number in range(20_000):
            print(f"{number:99}", file=stream)
        print("x" * (1 << 20), file=stream)
    return {"process": os.getpid()}


def raise_in_thread() -> object:
    """A thread of the handler's own ends by an exception."""
    thread = threading.Thread(target=recurse)
    thread.start()
    thread.join()
    return {"process": os.getpid()}


DEEDS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "text": lambda: "done",
    "number": lambda: 7,
    "list": lambda: [{"a": 1}],
    "class": lambda: dict,
    "generator": a_generator,
    "set": lambda: success({"seen": [{"ids": {7}}]}),
    "bytes": lambda: success({"body": b"\x00"}),
    "nan": lambda: success({"rate": [0.5, float("nan")]}),
    "infinity": lambda: {"rate": float("-inf")},
    "number_as_key": lambda: success({"by_id": {7: "a"}}),
    "object": lambda: success({"lock": threading.Event}),
    "circle": a_circle,
    "metadata": lambda: StepHandlerCallResult.success(results={}, metadata={"at": {1}}),
    "exit": lambda: sys.exit(3),
    "interrupt": lambda: raise_it(KeyboardInterrupt()),
    "unheard": lambda: raise_it(Unheard("of")),
    "speechless": lambda: raise_it(SpeechlessError()),
    "surrogate": lambda: raise_it(ValueError("half a \ud83d, and \x00")),
    "recursion": recurse,
    "end_thread": end_thread,
    "fork": fork_and_return,
    "print": print_megabytes,
    "thread": raise_in_thread,
    "good": lambda: {"process": os.getpid()},
}
