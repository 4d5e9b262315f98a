"""Workers for each test, and what they serve."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_worker import HANDLER, TEMPLATE, Worker


@pytest.fixture
def run() -> Iterator[Any]:
    workers: list[Worker] = []

    def start(*args: str, **environ: str) -> Worker:
        workers.append(Worker(*args, **environ))
        return workers[-1]

    yield start
    for worker in workers:
        worker.process.kill()
        worker.process.communicate()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Folders `templates` and `handlers`, with a module `shop`."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "handlers").mkdir()
    (tmp_path / "templates/orders.yaml").write_text(TEMPLATE.format(callable="shop.Charge"))
    (tmp_path / "handlers/shop.py").write_text(HANDLER)
    return tmp_path
