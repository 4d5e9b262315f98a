"""What `tasker dev` says of handlers and templates that cannot be run: the worker's reasons."""

from pathlib import Path

import pytest
from running_dev import Dev, Run

TEMPLATE = """
name: {name}
namespace_name: shop
version: 1.0.0
steps:
  - name: price
    handler: {{callable: {callable}}}
"""
HANDLER = """
from tasker_core.step_handler import step_handler

@step_handler("{callable}")
def price({parameters}):
    return {{}}
"""
# A handler's file and a template's callable, and the end of what is said of them.
MISTAKES = {
    "no_such_callable": (
        HANDLER.format(callable="goods.price", parameters="task, sequence, step"),
        "no_such_callable.prize",
        "'no_such_callable' ({handlers}/no_such_callable.py) has no 'prize'",
    ),
    "no_such_module": (
        None,
        "modul.price",
        "no handler for the callable 'modul.price': there is no module 'modul'",
    ),
    "wrong_signature": (
        HANDLER.format(callable="wrong_signature.price", parameters="task"),
        "wrong_signature.price",
        "takes (task): too many positional arguments; wanted: price(task, sequence, step)",
    ),
    "no_decorator": (
        "def price(task, sequence, step):\n    return {}\n",
        "no_decorator.price",
        "is no handler; a function is a handler with @step_handler('no_decorator.price') above it",
    ),
    "import_error": (
        "import a_module_that_is_not_there\n",
        "import_error.price",
        "module named 'a_module_that_is_not_there' ({handlers}/import_error.py, line 1)",
    ),
    "syntax_error": (
        "def price(task, sequence, step)\n    return {}\n",
        "syntax_error.price",
        "SyntaxError: expected ':'",
    ),
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "templates").mkdir()
    return tmp_path


def started(run: Run, shop: Path, handlers: str = "handlers", templates: str = "templates") -> Dev:
    return run(
        *("--once", "--task", "shop/order"),
        cwd=shop,
        TASKER_HANDLER_PATH=handlers,
        TASKER_TEMPLATE_PATH=templates,
    )


def message(dev: Dev) -> list[str]:
    """The lines of what it ends with."""
    assert dev.end() == 1, dev.output
    told = dev.output[dev.output.index("tasker dev: ") :]
    return told.removeprefix("tasker dev: ").splitlines()


def test_a_mistake_is_the_message_and_there_is_no_log_around_it(run: Run, shop: Path) -> None:
    (shop / "handlers/orders.py").write_text(
        HANDLER.format(callable="orders.price", parameters="task, sequence, step")
    )
    template = TEMPLATE.format(name="order", callable="orders.price")
    (shop / "templates/broken.yaml").write_text(template + "    dependencies: [prize]\n")
    dev = started(run, shop)
    assert message(dev) == [
        'templates/broken.yaml:8:20: no step has the name "prize" [UNKNOWN_DEPENDENCY]',
        "  hint: did you mean `price`?",
    ]


def test_every_mistake_has_a_line(run: Run, shop: Path) -> None:
    for name, (handler, called, _) in MISTAKES.items():
        if handler is not None:
            (shop / f"handlers/{name}.py").write_text(handler)
        template = TEMPLATE.format(name=name, callable=called)
        (shop / f"templates/{name}.yaml").write_text(template)
    (shop / "templates/field.yaml").write_text(
        TEMPLATE.format(name="field", callable="no_decorator.price") + "    dependant: []\n"
    )
    count, *lines = message(started(run, shop))
    assert count == f"there are {len(MISTAKES) + 1} problems:"
    told = "\n".join(sorted(lines))
    for _, _, says in MISTAKES.values():
        assert says.format(handlers=shop / "handlers") in told, told
    assert "    templates/field.yaml:8:5: " in told
    assert len([line for line in lines if not line.startswith("      ")]) == len(MISTAKES) + 1


def test_folders_that_are_not_there_are_named(run: Run, shop: Path) -> None:
    lines = message(started(run, shop, "hendlers", "tamplates"))
    assert lines[1:] == [
        f"    TASKER_HANDLER_PATH names {shop}/hendlers, which is no folder",
        "    tamplates: cannot be read: No such file or directory (os error 2)",
    ]
