"""An interruption is raised at once, or after what must not be interrupted."""

import signal
from collections.abc import Iterator

import pytest

from tasker_core.dev import interrupts


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """The handler of this process while a test runs."""
    before = signal.signal(signal.SIGINT, interrupts.handle)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interruption_waits_for_the_end_of_the_outermost_block_and_comes_once() -> None:
    reached = []

    def interrupted() -> None:
        with interrupts.held():
            with interrupts.held():
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                reached.append("inner")
            reached.append("outer")
        reached.append("after")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["inner", "outer"]
    with interrupts.held():
        reached.append("again")
    assert reached == ["inner", "outer", "again"]
