"""Modules and folders of handlers that cannot be imported, or hide others, are told."""

import queue
import sched
from pathlib import Path
from typing import Any

from running_worker import HANDLER, TEMPLATE, paths

pytest_plugins = ["worker_fixture"]


def test_a_module_that_hides_pythons_own_is_told(run: Any, shop: Path) -> None:
    (shop / "handlers/queue.py").write_text(HANDLER)
    (shop / "handlers/sched.py").write_text(HANDLER)
    (shop / "templates/orders.yaml").write_text(TEMPLATE.format(callable="queue.Charge"))
    hidden, hides, *missing, _ = run(**paths(shop)).health()[1]
    # Nobody has imported it yet: its own importers would find the handler's file in its place.
    assert hides == (
        f"{shop}/handlers/sched.py has the name of Python's own module sched ({sched.__file__}): "
        "rename it, one hides the other"
    )
    assert hidden == (
        f"{shop}/handlers/queue.py has the name of the module queue (Python's own, "
        f"{queue.__file__}), which was imported before: rename it, one hides the other"
    )
    (reason,) = missing
    assert reason == (
        f"no handler for the callable 'queue.Charge': 'queue' (Python's own, {queue.__file__}) has "
        f"no 'Charge'; {shop}/handlers/queue.py cannot be imported by that name: rename it"
    )


def test_modules_of_two_folders_with_one_name_are_told(run: Any, shop: Path) -> None:
    (shop / "more/shop").mkdir(parents=True)
    (shop / "more/shop/__init__.py").write_text("")
    path = f"{shop}/handlers:{shop}/more:{shop}/handlers"
    reasons = run(**{**paths(shop), "TASKER_HANDLER_PATH": path}).health()[1]
    assert reasons[0] == (
        f"{shop}/more/shop/__init__.py has the name of {shop}/handlers/shop.py, which is found "
        "first: rename it, one hides the other"
    )


def test_a_folder_of_handlers_that_is_not_there_is_told(run: Any, shop: Path) -> None:
    environ = {**paths(shop), "TASKER_HANDLER_PATH": f"{shop}/hx"}
    assert run(**environ).health()[1][0] == (
        f"TASKER_HANDLER_PATH names {shop}/hx, which is no folder"
    )


def test_a_module_that_cannot_be_imported_is_told(run: Any, shop: Path) -> None:
    (shop / "handlers/first.py").write_text("raise SystemExit(1)\n")
    assert run("first", **paths(shop)).health()[1][0] == (
        f"the module first cannot be imported: SystemExit: 1 ({shop}/handlers/first.py, line 1)"
    )


def test_in_the_test_environment_every_handler_file_is_imported(run: Any, shop: Path) -> None:
    (shop / "handlers/refund_handler.py").write_text("import missing_refund_library\n")
    assert "missing_refund_library" not in str(run(**paths(shop)).health())
    assert run(TASKER_ENV="test", **paths(shop)).health()[1][0] == (
        f"{shop}/handlers/refund_handler.py cannot be imported: "
        "ModuleNotFoundError: No module named 'missing_refund_library' "
        f"({shop}/handlers/refund_handler.py, line 1)"
    )
