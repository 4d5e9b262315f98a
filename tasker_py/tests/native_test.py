"""The native module: values, errors and the GIL at the border."""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tasker_core import __version__, _native
from tasker_core.errors import (
    InvalidArgumentError,
    NativeError,
    OperationFailedError,
    TaskerError,
    WorkerStoppedError,
)

PATIENCE_MS = 20_000

TEMPLATE = """
name: orders
namespace_name: shop
version: 1.2.3
steps:
  - name: charge
    handler: {callable: shop.handlers.Charge}
"""


def options(**fields: Any) -> str:
    return json.dumps(
        {
            # Nothing listens on port 9 of this machine: the worker goes on trying.
            "urls": ["http://127.0.0.1:9"],
            "token": None,
            "bind": "127.0.0.1:0",
            "worker_id": "test",
            "language": "python",
            "version": __version__,
            "namespaces": [],
            "callables": [],
            "template_paths": [],
            "slots": 4,
            "problems": [],
            **fields,
        }
    )


IMPORTED = '{"callables": [], "problems": []}'

ENDING = """
import sys, threading
from tasker_core import _native

worker = _native.Worker(sys.argv[1])
worker.begin('{"callables": [], "problems": []}')
busy = threading.Barrier(9)

def ask():
    busy.wait()
    while True:
        worker.status()

for _ in range(8):
    threading.Thread(target=ask, daemon=True).start()
busy.wait()
"""


def test_the_interpreter_ends_while_threads_are_inside_calls() -> None:
    for _ in range(5):
        environ = {"PYTHONPATH": os.pathsep.join(sys.path), "LOG_LEVEL": "off"}
        command = [sys.executable, "-c", ENDING, options()]
        ended = subprocess.run(command, env=environ, stderr=subprocess.PIPE, check=False)
        assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.fixture
def worker() -> Iterator[_native.Worker]:
    worker = _native.Worker(options(problems=["the handler żółw is missing"]))
    worker.begin(IMPORTED)
    yield worker
    worker.close()


def test_the_library_has_the_packages_version() -> None:
    assert _native.version() == __version__


def test_a_template_is_summarised() -> None:
    assert json.loads(_native.template_check(TEMPLATE, "orders.yaml")) == {
        "namespace": "shop",
        "name": "orders",
        "version": "1.2.3",
        "callables": ["shop.handlers.Charge"],
        "handlers": [{"callable": "shop.handlers.Charge", "method": "call"}],
        "steps": ["charge"],
        "document": {
            "namespace_name": "shop",
            "name": "orders",
            "version": "1.2.3",
            "steps": [{"name": "charge", "handler": {"callable": "shop.handlers.Charge"}}],
        },
    }
    assert _native.template_check(TEMPLATE.encode(), "x") == _native.template_check(TEMPLATE, "x")


def test_a_wrong_template_says_where() -> None:
    with pytest.raises(InvalidArgumentError, match=r"orders\.yaml:3") as raised:
        _native.template_check(TEMPLATE.replace("shop", "sh op", 1), "orders.yaml")
    assert isinstance(raised.value, NativeError)
    assert isinstance(raised.value, TaskerError)


def test_templates_are_checked_together() -> None:
    files = [
        {"file": "a.yaml", "text": TEMPLATE},
        {"file": "b.yaml", "text": TEMPLATE.replace("shop.handlers.Charge", "shop.handlers.Pay")},
    ]
    first, second = json.loads(_native.templates_check(json.dumps(files)))
    assert first == json.loads(_native.template_check(TEMPLATE, "a.yaml"))
    assert "shop/orders 1.2.3 is in a.yaml, too, with other content" in second["problems"]


def test_templates_are_compared() -> None:
    old = [{"file": "old.yaml", "text": TEMPLATE}]
    new = [
        {"file": "new.yaml", "text": TEMPLATE.replace("1.2.3", "1.3.0").replace("Charge", "Pay")}
    ]
    compared = json.loads(_native.templates_compare(json.dumps({"old": old, "new": new})))
    assert compared["compatible"] is False
    assert [it["code"] for it in compared["comparisons"][0]["changes"]] == ["CALLABLE_REMOVED"]
    with pytest.raises(InvalidArgumentError, match=r"templates: missing field `new`"):
        _native.templates_compare(json.dumps({"old": old}))


def test_work_is_split() -> None:
    request = json.dumps({"total_items": 7, "batch_size": 3, "max_workers": 2})
    assert json.loads(_native.batches_split(request)) == [
        {"start": 0, "end": 4},
        {"start": 4, "end": 7},
    ]
    assert _native.batches_split(request.encode()) == _native.batches_split(request)
    with pytest.raises(InvalidArgumentError, match="request: missing field `batch_size`"):
        _native.batches_split('{"total_items": 1}')


def test_health_shows_the_problems(worker: _native.Worker) -> None:
    worker.add_problem("another one")
    status = json.loads(worker.status())
    assert (status["session"], status["ready"], status["held"]) == ("connecting", False, 0)
    assert status["reasons"][:2] == ["the handler żółw is missing", "another one"]
    address = json.loads(worker.opened)["address"]
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"http://{address}/health/ready")
    with raised.value as answer:
        assert answer.code == 503
        assert json.load(answer)["reasons"][:2] == ["the handler żółw is missing", "another one"]


def test_until_it_begins_the_page_says_that_handlers_are_imported() -> None:
    worker = _native.Worker(options())
    worker.importing("models")
    status = json.loads(worker.status())
    assert (status["ready"], status["reasons"]) == (False, ["handlers are being imported"])
    worker.begin(IMPORTED)
    assert "handlers are being imported" not in json.loads(worker.status())["reasons"]
    with pytest.raises(OperationFailedError, match="has begun already"):
        worker.begin(IMPORTED)
    worker.close()
    with pytest.raises(WorkerStoppedError):
        worker.begin(IMPORTED)


def test_a_worker_that_never_begins_can_be_closed() -> None:
    worker = _native.Worker(options())
    worker.close()
    with pytest.raises(WorkerStoppedError):
        worker.next(PATIENCE_MS)


def test_a_forked_process_keeps_no_socket_of_the_worker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as engine:
        worker = _native.Worker(options(urls=[f"http://127.0.0.1:{engine.getsockname()[1]}"]))
        worker.begin(IMPORTED)
        session, _ = engine.accept()
        # The request for a session: the worker has its connection.
        assert session.recv(1 << 16).startswith(b"GET /v1/worker")
        address = json.loads(worker.opened)["address"].split(":")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _native.forked()
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        worker.close()
        # Nobody has the connection any more, and the port is free, while the process lives.
        with session:
            session.settimeout(PATIENCE_MS / 1000)
            assert session.recv(1 << 16) == b""
        socket.create_server((address[0], int(address[1]))).close()
        os.close(writer)
        os.close(reader)
        assert os.waitpid(child, 0)[1] == 0


def test_wrong_options_are_named() -> None:
    with pytest.raises(InvalidArgumentError, match="options: slots: "):
        _native.Worker(options(slots="many"))


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(OperationFailedError, match=f"cannot listen on 127.0.0.1:{port}"):
            _native.Worker(options(bind=f"127.0.0.1:{port}"))


def test_nothing_to_do_is_no_messages(worker: _native.Worker) -> None:
    assert worker.next(1) == "[]"


def test_slots_and_outcomes_are_taken_without_a_session(worker: _native.Worker) -> None:
    worker.set_slots(2)
    worker.complete(b"[]")
    with pytest.raises(InvalidArgumentError, match="outcomes: "):
        worker.complete(b'[{"success": true}]')


def test_closing_wakes_who_waits() -> None:
    worker = _native.Worker(options())
    outcome: list[BaseException] = []

    def wait() -> None:
        try:
            worker.next(PATIENCE_MS)
        except WorkerStoppedError as error:
            outcome.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    # This thread goes on only because the other has given up the GIL.
    worker.close()
    waiting.join(PATIENCE_MS / 1000)
    assert len(outcome) == 1
    worker.close()
    with pytest.raises(WorkerStoppedError):
        worker.next(PATIENCE_MS)


def test_a_worker_that_holds_nothing_has_drained_at_once(worker: _native.Worker) -> None:
    worker.drain(PATIENCE_MS)
    with pytest.raises(WorkerStoppedError):
        worker.next(PATIENCE_MS)
    assert json.loads(worker.status())["session"] == "stopped"
