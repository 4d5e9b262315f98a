"""Locks that processes of one network hold: abstract Unix addresses, which go with their holder.

They belong to a network namespace, as ports do, and so to what they are held for.
"""

import select
import socket
from collections.abc import Sequence


def try_hold(name: str) -> socket.socket | None:
    """The lock, held until it is closed or this process ends; None while another process has it."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(_address(name))
        lock.listen(64)
    except OSError:
        lock.close()
        return None
    return lock


def wait_for_any(names: Sequence[str]) -> None:
    """Return when one of the locks has been given back, or nobody had it."""
    waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in names]
    try:
        for name, each in zip(names, waiting, strict=True):
            # Never answered: it can be read when the holder closes its end.
            each.connect(_address(name))
        select.select(waiting, [], [])
    except OSError:
        # Its holder ended in between.
        return
    finally:
        for each in waiting:
            each.close()


def _address(name: str) -> str:
    return f"\0tasker-test-{name}"
