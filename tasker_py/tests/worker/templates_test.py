"""Templates that a worker cannot bring are told as problems of the worker."""

from pathlib import Path
from typing import Any

from running_worker import TEMPLATE, paths

pytest_plugins = ["worker_fixture"]


def test_a_template_that_is_not_valid_is_told(run: Any, shop: Path) -> None:
    (shop / "templates/orders.yaml").write_text("name: orders\n")
    reasons = run(**paths(shop)).health()[1]
    assert reasons[0].startswith(f"{shop}/templates/orders.yaml:1")


def test_one_template_in_two_files_is_told_with_both_places(run: Any, shop: Path) -> None:
    copy = TEMPLATE.format(callable="shop.Charge") + "description: a copy\n"
    (shop / "templates/orders_copy.yaml").write_text(copy)
    status, reasons = run(**paths(shop)).health()
    assert status == 503
    assert reasons[0].startswith(f"{shop}/templates/orders_copy.yaml:2:1: shop/orders 1.0.0 is in")
    assert f"is in {shop}/templates/orders.yaml, too, with other content" in reasons[0]
