"""The worker as a process: what it says when it cannot serve, and how it ends."""

import json
import os
import queue
import re
import sched
import signal
import socket
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
        self.url = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads the log until a line matches."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} is not in the log:\n{self.log}")

    def health(self, pattern: str = r"health on (http://\S+)/health") -> tuple[int, list[str]]:
        """Once it has said, in words like these, where its page is."""
        self.url = self.wait_for(pattern)[1]
        status, body = self.get("/health")
        return status, json.loads(body)["reasons"]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

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


def test_a_port_that_is_taken_is_told_before_anything_is_imported(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text("print('imported')\n" + HANDLER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        worker = run(TASKER_BIND=address, **paths(shop))
        assert worker.end() == 1
    assert f"cannot listen on {address} for the health page" in worker.log
    assert "imported" not in worker.log


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


TASK_HANDLER = """
from pydantic import BaseModel
from tasker_core.task_handler import TaskHandlerBase

class Order(BaseModel):
    item: str

class Results(BaseModel):
    charge: dict[str, int]

class Orders(TaskHandlerBase[Order, Results]):
    namespace = "shop"
    name = "orders"
    version = "1.0.0"
"""


def write_task_handler(shop: Path, callable_name: str, more: str = "") -> None:
    template = TEMPLATE.format(callable="shop.Charge")
    head = f"task_handler: {{callable: {callable_name}}}\n"
    (shop / "templates/orders.yaml").write_text(head + more + template)
    (shop / "handlers/shop.py").write_text(HANDLER + TASK_HANDLER)


@pytest.mark.parametrize(
    ("callable_name", "says"),
    [
        (
            "shop.Order1",
            "no handler for the callable 'shop.Order1': 'shop' ({file}) has no 'Order1'",
        ),
        (
            "shop.Charge",
            (
                "the task handler shop.Charge of shop/orders 1.0.0: <class 'shop.Charge'> is no "
                "task handler; wanted: a subclass of tasker_core.task_handler.TaskHandlerBase"
            ),
        ),
    ],
)
def test_a_task_handler_that_is_none_is_told(
    run: Any, shop: Path, callable_name: str, says: str
) -> None:
    write_task_handler(shop, callable_name)
    status, reasons = run(**paths(shop)).health()
    assert (status, reasons[0]) == (503, says.format(file=shop / "handlers/shop.py"))


def test_a_task_handler_that_says_something_else_is_told(run: Any, shop: Path) -> None:
    write_task_handler(shop, "shop.Orders", "input_schema: {type: object, required: [item]}\n")
    handlers = shop / "handlers/shop.py"
    handlers.write_text(handlers.read_text().replace('"1.0.0"', '"1.1.0"').replace("charge:", "c:"))
    status, reasons = run(**paths(shop)).health()
    told = "the task handler shop.Orders does not fit shop/orders 1.0.0: "
    assert status == 503
    assert reasons[:3] == [
        f"{told}version: the task handler says '1.1.0', the template '1.0.0'",
        (
            f"{told}input_schema.properties.item: the task handler says "
            '{"title": "Item", "type": "string"}, the template nothing'
        ),
        (
            f"{told}results.c: the task handler says a field, the template no such step (nothing "
            "depends on charge)"
        ),
    ]


def test_a_task_handler_that_fits_is_no_problem(run: Any, shop: Path) -> None:
    write_task_handler(
        shop,
        "shop.Orders",
        "input_schema: {type: object, required: [item], properties: {item: {type: string}}}\n",
    )
    (reason,) = run(**paths(shop)).health()[1]
    assert "http://127.0.0.1:9" in reason


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


def test_in_a_log_for_people_a_traceback_has_its_lines(run: Any, shop: Path) -> None:
    (shop / "handlers/shop.py").write_text("import a_module_that_is_not_there\n")
    worker = run("--log-format=console", **paths(shop))
    worker.health()
    lines = worker.log.splitlines()
    begin = lines.index("    Traceback (most recent call last):")
    assert lines[begin - 1].endswith("the handler shop.Charge cannot be resolved:")
    end = lines.index("    ModuleNotFoundError: No module named 'a_module_that_is_not_there'")
    assert f'      File "{shop}/handlers/shop.py", line 1, in <module>' in lines[begin:end]


def test_the_port_shows_the_metrics(run: Any, shop: Path) -> None:
    worker = run(**paths(shop))
    url = worker.wait_for(r"health on (http://\S+)/health")[1]
    with urllib.request.urlopen(url + "/metrics") as answer:
        kind, text = answer.headers["Content-Type"], answer.read().decode()
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert 'tasker_worker_session{state="open"} 0' in text.splitlines()
    assert "tasker_worker_slots 0" in text.splitlines()


LEFT_BEHIND = """
import concurrent.futures, multiprocessing, threading, time

def stay(seconds):
    STAYS

if __name__ != "__mp_main__":
    START
"""


@pytest.mark.parametrize(
    ("start", "left"),
    [
        ("threading.Thread(target=stay, args=[600], name='flushing').start()", "thread flushing"),
        ("__import__('atexit').register(stay, 600)", "functions of atexit"),
        ("concurrent.futures.ThreadPoolExecutor(1, 'pool').submit(stay, 600)", "thread pool_0"),
        (
            "multiprocessing.Process(target=stay, args=[600], name='helper').start()",
            r"process helper \(\d+\)",
        ),
        (
            "concurrent.futures.ProcessPoolExecutor(1).submit(stay, 600)",
            r"process ForkProcess-1 \(\d+\)",
        ),
    ],
)
def test_what_handlers_leave_running_does_not_keep_a_worker_that_has_drained(
    run: Any, shop: Path, start: str, left: str
) -> None:
    program = LEFT_BEHIND.replace("STAYS", "time.sleep(seconds)").replace("START", start)
    (shop / "handlers/shop.py").write_text(HANDLER + program)
    worker = run("--drain-timeout=0.1", **paths(shop))
    worker.health()
    worker.process.terminate()
    # Its end, and that of every process that has its log.
    assert worker.end() == 0
    assert "stopped" in worker.log
    assert re.search(rf"left while these were running: .*the {left}", worker.log)


def test_what_ends_within_the_drain_time_out_is_waited_for(run: Any, shop: Path) -> None:
    waits = (
        "print('it begins', flush=True) or threading.main_thread().join() or print('it has ended')"
    )
    program = LEFT_BEHIND.replace("STAYS", waits)
    program = program.replace("START", "threading.Thread(target=stay, args=[0]).start()")
    (shop / "handlers/shop.py").write_text(HANDLER + program)
    worker = run(**paths(shop))
    worker.health()
    worker.process.terminate()
    assert worker.end() == 0
    assert "it has ended" in worker.log
    assert "left while" not in worker.log


def test_processes_of_multiprocessing_end_with_a_worker_that_is_ended_at_once(
    run: Any, shop: Path
) -> None:
    program = LEFT_BEHIND.replace("STAYS", "time.sleep(seconds)")
    program = program.replace("START", "multiprocessing.Process(target=stay, args=[600]).start()")
    (shop / "handlers/shop.py").write_text(HANDLER + program)
    worker = run("--drain-timeout=600", **paths(shop))
    worker.health()
    worker.process.terminate()
    worker.wait_for('"stopped"')
    worker.process.terminate()
    assert worker.end() == 128 + signal.SIGTERM
