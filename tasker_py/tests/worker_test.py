"""The worker as a process: what it says when it cannot serve, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = """
name: orders
namespace_name: shop
version: 1.0.0
steps:
  - name: charge
    handler: {{callable: {callable}}}
"""
HANDLER = """
from tasker_core.step_handler import StepHandlerBase

class Charge(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
"""


class Worker:
    def __init__(self, *args: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tasker_core.worker", *args],
            env={
                **{name: value for name, value in os.environ.items() if "TASKER" not in name},
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TASKER_URL": "http://127.0.0.1:9",
                "TASKER_BIND": "127.0.0.1:0",
                **environ,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads the log until a line matches."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} is not in the log:\n{self.log}")

    def health(self) -> tuple[int, list[str]]:
        url = self.wait_for(r"health on (http://\S+/health)")[1]
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.status, json.load(answer)["reasons"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["reasons"]

    def end(self) -> int:
        _, rest = self.process.communicate(timeout=20)
        self.log += rest
        return self.process.returncode


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


def paths(shop: Path) -> dict[str, str]:
    return {
        "TASKER_TEMPLATE_PATH": str(shop / "templates"),
        "TASKER_HANDLER_PATH": str(shop / "handlers"),
    }


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


def test_a_handler_that_cannot_be_imported_is_told_with_its_traceback(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text("import a_module_that_is_not_there\n")
    worker = run(**paths(shop))
    status, reasons = worker.health()
    assert status == 503
    assert reasons[0] == (
        "the handler shop.Charge cannot be resolved: "
        "ModuleNotFoundError: No module named 'a_module_that_is_not_there' "
        f"({shop}/handlers/shop.py, line 1)"
    )
    assert r"\nTraceback (most recent call last):\n" in worker.log
    assert worker.process.poll() is None
    worker.process.terminate()
    assert worker.end() == 0


def test_a_callable_that_leads_nowhere_is_told(run: Any, shop: Path) -> None:
    (shop / "templates/orders.yaml").write_text(TEMPLATE.format(callable="shop.Refund"))
    assert run(**paths(shop)).health()[1][0] == (
        "no handler for the callable 'shop.Refund': 'shop' has no 'Refund'"
    )


def test_a_handler_that_cannot_be_called_is_told_with_its_place(run: Any, shop: Path) -> None:
    template = TEMPLATE.format(callable="shop.Charge, method: refund")
    (shop / "templates/orders.yaml").write_text(template)
    (shop / "handlers/shop.py").write_text(
        HANDLER + "\n    def refund(self, task):\n        return {}\n"
    )
    status, reasons = run(**paths(shop)).health()
    assert status == 503
    assert reasons[0] == (
        f"no handler for the callable 'shop.Charge': shop.Charge.refund "
        f"({shop / 'handlers/shop.py'}:8) takes (self, task): too many positional arguments; "
        "wanted: refund(self, task, sequence, step)"
    )


def test_a_typed_handler_that_takes_results_of_no_step_is_told(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text(
        "from tasker_core.step_handler import TypedStepHandler\n\n"
        "class Charge(TypedStepHandler[dict, dict]):\n"
        "    def run(self, context, step, chagre: dict) -> dict:\n"
        "        return {}\n"
    )
    status, reasons = run(**paths(shop)).health()
    assert status == 503
    assert reasons[0] == (
        f"no handler for the callable 'shop.Charge': run ({shop / 'handlers/shop.py'}:4) takes "
        "results of no step of the template: 'chagre', did you mean 'charge'?; its steps are "
        "charge (shop/orders 1.0.0)"
    )


def test_a_task_handler_that_leads_nowhere_is_told(run: Any, shop: Path) -> None:
    template = TEMPLATE.format(callable="shop.Charge")
    for handler in ("shop.Orders", "shop.Charge"):
        line = f"task_handler: {{callable: {handler}}}\n"
        (shop / f"templates/{handler}.yaml").write_text(
            line + template.replace("name: orders", f"name: {handler}", 1)
        )
    reasons = run(**paths(shop)).health()[1]
    assert reasons[0] == "no handler for the callable 'shop.Orders': 'shop' has no 'Orders'"
    assert "shop.Charge" not in " ".join(reasons)


def test_a_module_that_cannot_be_imported_is_told(run: Any, shop: Path) -> None:
    (shop / "handlers/first.py").write_text("raise SystemExit(1)\n")
    assert run("first", **paths(shop)).health()[1][0] == (
        f"the module first cannot be imported: SystemExit: 1 ({shop}/handlers/first.py, line 1)"
    )


def test_a_template_that_is_not_valid_is_told(run: Any, shop: Path) -> None:
    (shop / "templates/orders.yaml").write_text("name: orders\n")
    reasons = run(**paths(shop)).health()[1]
    assert reasons[0].startswith(f"{shop}/templates/orders.yaml:1")


def test_in_the_test_environment_every_handler_file_is_imported(run: Any, shop: Path) -> None:
    (shop / "handlers/refund_handler.py").write_text("import missing_refund_library\n")
    assert "missing_refund_library" not in str(run(**paths(shop)).health())
    assert run(TASKER_ENV="test", **paths(shop)).health()[1][0] == (
        f"{shop}/handlers/refund_handler.py cannot be imported: "
        "ModuleNotFoundError: No module named 'missing_refund_library' "
        f"({shop}/handlers/refund_handler.py, line 1)"
    )


def test_a_registered_name_needs_no_import_path(run: Any, shop: Path) -> None:
    (shop / "templates/orders.yaml").write_text(TEMPLATE.format(callable="orders-charge"))
    (shop / "handlers/wiring.py").write_text(
        "from shop import Charge\n"
        "from tasker_core.registry import HandlerRegistry\n"
        "HandlerRegistry.default().register('orders-charge', Charge)\n"
    )
    (reason,) = run("wiring", **paths(shop)).health()[1]
    assert "http://127.0.0.1:9" in reason


def test_an_unknown_variable_is_reported(run: Any) -> None:
    worker = run(TASKER_TEMPLATES="x")
    worker.wait_for("TASKER_TEMPLATES is unknown .*; did you mean TASKER_TEMPLATE_PATH?")


def test_a_public_address_without_a_token_is_refused(run: Any) -> None:
    worker = run("--bind", "0.0.0.0:0")
    assert worker.end() == 2
    assert worker.log.startswith("tasker worker: the address 0.0.0.0:0 can be reached from other")


def test_without_a_terminal_every_line_of_the_log_is_json(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text(HANDLER + "print('hello', end='')\n")
    worker = run(**paths(shop))
    worker.health()
    worker.process.terminate()
    assert worker.end() == 0
    lines = [json.loads(line) for line in worker.log.splitlines()]
    assert all({"timestamp", "level", "message"} <= line.keys() for line in lines)
    # Of the native library, of the package, and of what a module prints, complete at the end.
    assert any(line.get("target") == "tasker_worker::worker" for line in lines)
    assert ("tasker_core.worker", "stopped") in [
        (line.get("logger"), line["message"]) for line in lines
    ]
    assert ("stdout", "hello") in [(line.get("logger"), line["message"]) for line in lines]


def test_the_log_can_be_lines_for_people(run: Any) -> None:
    worker = run("--log-format=console")
    worker.health()
    worker.process.terminate()
    assert worker.end() == 0
    assert "Z INFO tasker_core.worker: stopped\n" in worker.log
    assert "INFO tasker_worker::worker: worker" in worker.log


def test_the_port_shows_the_metrics(run: Any, shop: Path) -> None:
    worker = run(**paths(shop))
    url = worker.wait_for(r"health on (http://\S+)/health")[1]
    with urllib.request.urlopen(url + "/metrics") as answer:
        kind, text = answer.headers["Content-Type"], answer.read().decode()
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert 'tasker_worker_session{state="open"} 0' in text.splitlines()
    assert "tasker_worker_slots 0" in text.splitlines()
