"""An executor for each test."""

from collections.abc import Iterator

import pytest
from running_executor import Running


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()
