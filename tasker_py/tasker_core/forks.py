"""A process that a handler forked is not the worker: it has nothing of what the worker set up for
itself, and ends before it can act as one.

Its signals are dealt with here; its streams, log, sockets and event loop where they are made.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType


def handle_signals(
    numbers: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], None]
) -> None:
    """Handles signals in this process; in one that is forked from it they do what they did before.

    To be called on the main thread.
    """
    before = {number: signal.signal(number, handler) for number in numbers}
    masks = threading.local()

    def hold_back() -> None:
        # A signal that comes to the forked process before it is rid of the handler waits till then:
        # it would be lost, and whoever sent it would wait for the process's end.
        masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def let_go() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.before)

    def give_back() -> None:
        signal.set_wakeup_fd(-1)
        for number, action in before.items():
            # A module may have put one of its own there.
            if signal.getsignal(number) is handler:
                signal.signal(number, signal.SIG_DFL if action is None else action)
        let_go()

    os.register_at_fork(before=hold_back, after_in_parent=let_go, after_in_child=give_back)


def leave_if_forked(owner: int, handler: str) -> None:
    """Ends this process when it is not the process `owner`, with a message that says what to do.

    Its memory is a copy of the worker's, and none of the worker's other threads run in it: whatever
    it did from here on would be done twice, or wait for ever.
    """
    process = os.getpid()
    if process != owner:
        # Not by the log, whose locks are copies too.
        os.write(
            2,
            f"process {process} was forked from the worker's process {owner} by the handler "
            f"{handler}, and came back from it: it ends here. Let a forked process end by "
            "os._exit(), or start processes with subprocess, or with "
            'multiprocessing.get_context("spawn")\n'.encode(),
        )
        os._exit(os.EX_SOFTWARE)
