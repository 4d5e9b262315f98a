"""No signal is slept through, whichever thread the kernel gives it to."""

import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from tasker_core.signal_wait import SignalWait

PATIENCE = 20.0


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals whose handler has run."""
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGUSR1, hear)
    yield heard
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_another_thread_gets_is_handled(heard: list[int]) -> None:
    with SignalWait() as waiting:

        def get_one() -> None:
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

        thread = threading.Thread(target=get_one)
        thread.start()
        while not heard:
            waiting.wait()
        thread.join(PATIENCE)
    assert heard == [signal.SIGUSR1]


def test_a_signal_before_the_wait_ends_it(heard: list[int]) -> None:
    with SignalWait() as waiting:
        os.kill(os.getpid(), signal.SIGUSR1)
        waiting.wait()
    assert heard == [signal.SIGUSR1]


def test_a_wait_ends_when_another_thread_says_so() -> None:
    with SignalWait() as waiting:
        thread = threading.Thread(target=waiting.wake)
        thread.start()
        waiting.wait()
        thread.join(PATIENCE)
    # Nobody waits any more.
    waiting.wake()


def test_elsewhere_than_on_the_main_thread_it_only_waits() -> None:
    ended = threading.Event()

    def wait() -> None:
        with SignalWait() as waiting:
            waiting.wake()
            waiting.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    assert ended.wait(PATIENCE)


def test_what_was_woken_before_is_woken_again() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        with SignalWait():
            pass
        assert signal.set_wakeup_fd(before) == writer
    finally:
        os.close(reader)
        os.close(writer)
