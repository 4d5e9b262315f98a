"""Callables lead to handlers by registration or import path, and to nothing else."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_core.errors import HandlerNotFoundError
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase

HANDLER = """
from tasker_core.step_handler import StepHandlerBase

class {name}(StepHandlerBase):
    class Inner(StepHandlerBase):
        pass

other = 3
"""


class Registered(StepHandlerBase):
    pass


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `shop` with handlers in `shop.orders` and `shop.deep.payments`."""
    shop = tmp_path / "shop"
    (shop / "deep").mkdir(parents=True)
    (shop / "__init__.py").write_text("")
    (shop / "orders.py").write_text(HANDLER.format(name="Charge"))
    (shop / "deep" / "__init__.py").write_text("from shop.deep.payments import Pay\n")
    (shop / "deep" / "payments.py").write_text(HANDLER.format(name="Pay"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield shop
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def test_a_registered_name_comes_first(package: Path) -> None:
    registry = HandlerRegistry()
    registry.register("shop.orders.Charge", Registered)
    assert registry.resolve("shop.orders.Charge") is Registered
    assert registry.is_registered("shop.orders.Charge")
    assert registry.list_handlers() == ["shop.orders.Charge"]


def test_a_name_stands_for_one_handler() -> None:
    registry = HandlerRegistry()
    registry.register("a", Registered)
    registry.register("a", Registered)

    class Other(StepHandlerBase):
        pass

    with pytest.raises(
        ValueError, match=r"'a' is registered already, for .*registry_test\.Registered"
    ):
        registry.register("a", Other)


def test_the_longest_importable_module_and_then_attributes(package: Path) -> None:
    registry = HandlerRegistry()
    assert registry.resolve("shop.orders.Charge").__qualname__ == "Charge"
    assert registry.resolve("shop.orders.Charge.Inner").__qualname__ == "Charge.Inner"
    assert registry.resolve("shop.deep.Pay").__module__ == "shop.deep.payments"
    assert not registry.is_registered("shop.orders.Charge")
    assert registry.list_handlers() == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.Handler", "there is no module 'nowhere'; is its folder in TASKER_HANDLER_PATH?"),
        ("shop.orders.Missing", "'shop.orders' has no 'Missing'"),
        ("shop.orders.Charge.missing", "'shop.orders.Charge' has no 'missing'"),
        ("shop.orders.other", "3 is not a subclass of tasker_core.step_handler.StepHandlerBase"),
        ("Shop::Orders::Charge", "it is neither registered nor a dotted import path"),
        ("", "it is neither registered nor a dotted import path"),
    ],
)
def test_a_callable_without_a_handler_is_refused(package: Path, name: str, reason: str) -> None:
    with pytest.raises(HandlerNotFoundError) as raised:
        HandlerRegistry().resolve(name)
    assert str(raised.value) == f"no handler for the callable {name!r}: {reason}"
    assert raised.value.callable_name == name


def test_the_base_class_is_no_handler() -> None:
    with pytest.raises(HandlerNotFoundError):
        HandlerRegistry().resolve("tasker_core.step_handler.StepHandlerBase")


def test_what_a_module_raises_is_seen(package: Path) -> None:
    (package / "broken.py").write_text("import a_module_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        HandlerRegistry().resolve("shop.broken.Handler")
    (package / "worse.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        HandlerRegistry().resolve("shop.worse.Handler")


def test_discover_registers_each_handler_where_it_is_defined(package: Path) -> None:
    registry = HandlerRegistry()
    assert registry.discover("shop") == ["shop.deep.payments.Pay", "shop.orders.Charge"]
    assert registry.list_handlers() == ["shop.deep.payments.Pay", "shop.orders.Charge"]


def test_the_default_registry_is_one() -> None:
    assert HandlerRegistry.default() is HandlerRegistry.default()
