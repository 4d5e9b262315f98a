"""The page of a worker that has no engine: there before the imports, and until the end."""

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from running_worker import HANDLER, paths

pytest_plugins = ["worker_fixture"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_finds_its_handlers_waits_for_its_engine_alone(
    run: Any, shop: Path, number: int
) -> None:
    worker = run(**paths(shop))
    status, reasons = worker.health()
    assert status == 503
    (reason,) = reasons
    assert "http://127.0.0.1:9" in reason
    worker.process.send_signal(number)
    assert worker.end() == 0
    assert f"{signal.Signals(number).name} was received" in worker.log


IMPORTING = r"handlers are being imported, as (http://\S+)/health shows"


def test_the_page_answers_while_handlers_are_imported(run: Any, shop: Path) -> None:
    os.mkfifo(shop / "gate")
    (shop / "handlers/shop.py").write_text(f"open({str(shop / 'gate')!r}).read()\n" + HANDLER)
    worker = run(**paths(shop))
    assert worker.health(IMPORTING) == (503, ["handlers are being imported"])
    status, live = worker.get("/health/live")
    assert (status, json.loads(live)["status"]) == (200, "ok")
    status, metrics = worker.get("/metrics")
    assert (status, "tasker_worker_slots 0" in metrics.splitlines()) == (200, True)
    (shop / "gate").write_text("open")
    assert "http://127.0.0.1:9" in worker.health()[1][0]


def test_a_worker_that_is_told_to_stop_while_it_imports_leaves(run: Any, shop: Path) -> None:
    os.mkfifo(shop / "gate")
    (shop / "handlers/shop.py").write_text(
        f"import time\nprint('half', end='')\nopen({str(shop / 'gate')!r}, 'w').close()\n"
        "while True:\n    time.sleep(0.01)\n"
    )
    worker = run(**paths(shop))
    worker.health(IMPORTING)
    # Ends when the module has printed, and waits.
    (shop / "gate").read_text()
    worker.process.terminate()
    assert worker.end() == 0
    assert '"message": "half"' in worker.log


def test_the_port_shows_the_metrics(run: Any, shop: Path) -> None:
    worker = run(**paths(shop))
    url = worker.wait_for(r"health on (http://\S+)/health")[1]
    with urllib.request.urlopen(url + "/metrics") as answer:
        kind, text = answer.headers["Content-Type"], answer.read().decode()
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert 'tasker_worker_session{state="open"} 0' in text.splitlines()
    assert "tasker_worker_slots 0" in text.splitlines()
