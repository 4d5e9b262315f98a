"""Ctrl-C as a KeyboardInterrupt, but never where raising it would lose it or leave a lock behind.

An exception from a signal handler is swallowed in the hooks that Python runs around a fork, and one
in the middle of subprocess's own bookkeeping leaves its lock taken. Such places are run under
`held`, which raises afterwards.
"""

import contextlib
from collections.abc import Iterator
from types import FrameType

# A process has one set of signal handlers, so this is the process's, too.
_depth = 0
_pending = False


def handle(_number: int, _frame: FrameType | None) -> None:
    """A signal handler: raises KeyboardInterrupt, under `held` when that ends."""
    global _pending
    if _depth:
        _pending = True
    else:
        raise KeyboardInterrupt


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Puts an interruption off until the block has ended."""
    global _depth, _pending
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _pending and not _depth:
            _pending = False
            raise KeyboardInterrupt
