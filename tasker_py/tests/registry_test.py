"""Callables lead to handlers by registration or import path, and to nothing else."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_core import step_handler
from tasker_core.errors import HandlerConflictError, HandlerNotFoundError, InvalidHandlerError
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

HANDLER = """
from abc import abstractmethod
from tasker_core.step_handler import StepHandlerBase

class {name}(StepHandlerBase):
    def call(self, task, sequence, step): ...

    def refund(self, task, sequence, step): ...

    class Inner(StepHandlerBase):
        def call(self, task, sequence, step): ...

class Unfinished(StepHandlerBase):
    @abstractmethod
    def call(self, task, sequence, step): ...

def function(task, sequence, step): ...

other = 3
"""

FUNCTIONS = """
from tasker_core.step_handler import step_handler

@step_handler("orders.ship")
def ship(task, sequence, step):
    return {"shipped": task.context["sku"]}
"""


class Registered(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        return StepHandlerCallResult.success()


WANTED = "a handler is a subclass of tasker_core.step_handler.StepHandlerBase or a function"

NO_MODULE = (
    "there is no module 'nowhere'; is its folder in TASKER_HANDLER_PATH, or the worker given the "
    "module that registers the name?"
)


@pytest.fixture(autouse=True)
def default_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HandlerRegistry, "_default", HandlerRegistry())


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
        HandlerConflictError,
        match=r"'a' is registered already, for .*\.Registered \(.*/registry_test\.py\)",
    ):
        registry.register("a", Other)


def test_registering_goes_before_what_was_imported(package: Path) -> None:
    registry = HandlerRegistry()
    assert registry.resolve("shop.orders.Charge").__qualname__ == "Charge"
    registry.register("shop.orders.Charge", Registered)
    assert registry.resolve("shop.orders.Charge") is Registered


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
        ("nowhere.Handler", NO_MODULE),
        ("shop.orders.Missing", "'shop.orders' (FOLDER/orders.py) has no 'Missing'"),
        ("shop.orders.Charge.missing", "'shop.orders.Charge' (FOLDER/orders.py) has no 'missing'"),
        ("shop.orders.other", f"3 (FOLDER/orders.py) is no handler; {WANTED}"),
        ("Shop::Orders::Charge", "it is neither registered nor a dotted import path"),
        ("", "it is neither registered nor a dotted import path"),
    ],
)
def test_a_callable_without_a_handler_is_refused(package: Path, name: str, reason: str) -> None:
    with pytest.raises(HandlerNotFoundError) as raised:
        HandlerRegistry().resolve(name)
    reason = reason.replace("FOLDER", str(package))
    assert str(raised.value) == f"no handler for the callable {name!r}: {reason}"
    assert raised.value.callable_name == name


@pytest.mark.parametrize("name", step_handler.__all__)
def test_what_handlers_are_made_from_is_no_handler(name: str) -> None:
    with pytest.raises(InvalidHandlerError, match="is no handler"):
        HandlerRegistry().resolve(f"tasker_core.step_handler.{name}")


def test_a_function_without_the_decorator_is_told_of_it(package: Path) -> None:
    with pytest.raises(InvalidHandlerError) as raised:
        HandlerRegistry().resolve("shop.orders.function")
    assert str(raised.value).endswith(
        "is no handler; a function is a handler with @step_handler('shop.orders.function') above it"
    )


def test_a_method_is_resolved_with_its_handler(package: Path) -> None:
    registry = HandlerRegistry()
    assert registry.resolve("shop.orders.Charge", "refund").__qualname__ == "Charge"
    with pytest.raises(InvalidHandlerError) as raised:
        registry.resolve("shop.orders.Charge", "cancel")
    file = package / "orders.py"
    assert str(raised.value) == (
        f"no handler for the callable 'shop.orders.Charge': shop.orders.Charge ({file}) has no "
        "method 'cancel'; wanted: cancel(self, task, sequence, step)"
    )


def test_a_decorated_function_is_found_by_its_name_and_by_its_path(package: Path) -> None:
    (package / "shipping.py").write_text(FUNCTIONS)
    handler = HandlerRegistry().resolve("shop.shipping.ship")
    assert HandlerRegistry.default().list_handlers() == ["orders.ship"]
    assert HandlerRegistry.default().resolve("orders.ship") is handler
    arguments = (Task(context={"sku": "A"}), Sequence(), Step(step_name="ship"))
    assert handler().call(*arguments) == {"shipped": "A"}


def test_a_function_can_be_registered() -> None:
    def charge(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        return {"charged": 1}

    def pay(task: Task) -> dict[str, int]:
        return {}

    registry = HandlerRegistry()
    registry.register("orders.charge", charge)
    registry.register("orders.charge", charge)
    assert registry.resolve("orders.charge").__name__ == "charge"
    with pytest.raises(InvalidHandlerError, match=r"takes \(task: .*wanted: pay\(task, sequence"):
        registry.register("orders.pay", pay)  # type: ignore[arg-type]


def test_what_a_module_raises_is_seen(package: Path) -> None:
    (package / "broken.py").write_text("import a_module_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        HandlerRegistry().resolve("shop.broken.Handler")
    (package / "worse.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        HandlerRegistry().resolve("shop.worse.Handler")


def test_discover_registers_each_handler_where_it_is_defined(package: Path) -> None:
    (package / "shipping.py").write_text(FUNCTIONS)
    registry = HandlerRegistry()
    expected = ["orders.ship", "shop.deep.payments.Pay", "shop.orders.Charge"]
    assert registry.discover("shop") == expected
    assert registry.list_handlers() == expected


def test_the_default_registry_is_one() -> None:
    assert HandlerRegistry.default() is HandlerRegistry.default()
