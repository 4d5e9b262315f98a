"""The log of a worker, for programs and for people."""

import json
from pathlib import Path
from typing import Any

from running_worker import HANDLER, paths

pytest_plugins = ["worker_fixture"]


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


def test_in_a_log_for_people_a_traceback_has_its_lines(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text("import a_module_that_is_not_there\n")
    worker = run("--log-format=console", **paths(shop))
    worker.health()
    lines = worker.log.splitlines()
    begin = lines.index("    Traceback (most recent call last):")
    assert lines[begin - 1].endswith("the handler shop.Charge cannot be resolved:")
    end = lines.index("    ModuleNotFoundError: No module named 'a_module_that_is_not_there'")
    assert f'      File "{shop}/handlers/shop.py", line 1, in <module>' in lines[begin:end]
