"""Handlers that a worker cannot serve are told as problems of the worker."""

from pathlib import Path
from typing import Any

from running_worker import HANDLER, TEMPLATE, paths

pytest_plugins = ["worker_fixture"]


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
        "no handler for the callable 'shop.Refund': "
        f"'shop' ({shop}/handlers/shop.py) has no 'Refund'"
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


def test_a_typed_handler_that_cannot_say_what_it_needs_is_told(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text(
        "from tasker_core.step_handler import TypedStepHandler\n\n"
        "class Charge(TypedStepHandler[dict, dict]):\n"
        "    def run(self, context, step) -> dict:\n"
        "        return {}\n\n"
        "    @classmethod\n"
        "    def needs(cls):\n"
        "        raise LookupError('nowhere')\n"
    )
    status, reasons = run(**paths(shop)).health()
    assert status == 503
    assert reasons[0] == (
        "the handler shop.Charge does not fit shop/orders 1.0.0: LookupError: nowhere "
        f"({shop}/handlers/shop.py, line 9)"
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
