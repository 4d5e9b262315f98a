"""A worker that cannot be as it is told to be says so."""

import socket
from pathlib import Path
from typing import Any

from running_worker import HANDLER, paths

pytest_plugins = ["worker_fixture"]


def test_an_unknown_variable_is_reported(run: Any) -> None:
    worker = run(TASKER_TEMPLATES="x")
    worker.wait_for("TASKER_TEMPLATES is unknown .*; did you mean TASKER_TEMPLATE_PATH?")


def test_a_public_address_without_a_token_is_refused(run: Any) -> None:
    worker = run("--bind", "0.0.0.0:0")
    assert worker.end() == 2
    assert worker.log.startswith("tasker worker: the address 0.0.0.0:0 can be reached from other")


def test_a_port_that_is_taken_is_told_before_anything_is_imported(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text("print('imported')\n" + HANDLER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        worker = run(TASKER_BIND=address, **paths(shop))
        assert worker.end() == 1
    assert f"cannot listen on {address} for the health page" in worker.log
    assert "imported" not in worker.log
