"""A task is followed over broken connections, and its result shown exactly."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tasker_core.dev.follow import Engine, is_ready, result_lines
from tasker_core.errors import DevError

BIG = 6**64


def event(number: int, **fields: Any) -> str:
    return f"id: {number}\nevent: {fields['kind']}\ndata: {json.dumps(fields)}\n\n"


STEP = event(7, kind="step", step_name="a", state="complete", attempt=1, error_message=None)
BEGUN = event(6, kind="task", status="steps_in_process")
DONE = event(8, kind="task", status="complete")


class FakeEngine(BaseHTTPRequestHandler):
    """Answers as an engine would; the events break off after the step."""

    requests: list[tuple[str, str | None, str]]

    def do_GET(self) -> None:
        self._note("")
        if self.path == "/v1/tasks/t/events":
            resumed = self.headers["Last-Event-ID"] == "7"
            self._answer(200, f": hello\n\n{DONE}" if resumed else BEGUN + STEP)
        elif self.path == "/v1/tasks/t/workflow_steps":
            self._answer(200, json.dumps({"steps": [{"step_name": "a"}], "next_cursor": "c"}))
        elif self.path == "/v1/tasks/t/workflow_steps?cursor=c":
            self._answer(200, json.dumps({"steps": [{"step_name": "b"}], "next_cursor": None}))
        else:
            self._answer(503, "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._note(body)
        if json.loads(body)["name"] == "known":
            self._answer(201, '{"task_uuid": "t"}')
        else:
            error = {"code": "TEMPLATE_NOT_FOUND", "message": "no such template", "details": None}
            self._answer(404, json.dumps({"error": error}))

    def _note(self, body: str) -> None:
        self.requests.append((self.path, self.headers["Last-Event-ID"], body))

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    FakeEngine.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeEngine) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.fixture
def engine(server: ThreadingHTTPServer) -> Iterator[Engine]:
    engine = Engine(f"http://127.0.0.1:{server.server_port}")
    yield engine
    engine.close()


def test_the_context_is_sent_as_it_was_written(engine: Engine) -> None:
    assert engine.create("n", "known", '{"a":  1.50}') == "t"
    (request,) = FakeEngine.requests
    assert request[2] == '{"namespace": "n", "name": "known", "context": {"a":  1.50}}'


def test_an_error_of_the_engine_is_told(engine: Engine) -> None:
    with pytest.raises(DevError) as raised:
        engine.create("n", "unknown", "{}")
    assert str(raised.value) == "the engine answers 404 TEMPLATE_NOT_FOUND: no such template"


def test_events_go_on_where_they_broke_off(engine: Engine) -> None:
    events = list(engine.events("t", lambda: None))
    assert [event["kind"] for event in events] == ["task", "step", "task"]
    assert [event.get("status") for event in events] == ["steps_in_process", None, "complete"]
    assert [request[1] for request in FakeEngine.requests] == [None, "7"]


def test_an_engine_that_is_gone_ends_the_events(free_ports: list[int]) -> None:
    def alive() -> None:
        raise DevError("the engine ended")

    engine = Engine(f"http://127.0.0.1:{free_ports[0]}")
    with pytest.raises(DevError, match="the engine ended"):
        list(engine.events("t", alive))
    engine.close()


def test_every_page_of_steps_is_read(engine: Engine) -> None:
    assert engine.steps("t") == [{"step_name": "a"}, {"step_name": "b"}]


def test_readiness(server: ThreadingHTTPServer, free_ports: list[int]) -> None:
    assert not is_ready(f"http://127.0.0.1:{server.server_port}")
    assert not is_ready(f"http://127.0.0.1:{free_ports[0]}")


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([("a", [], 1), ("b", ["a"], {"result": BIG})], [f"result: {BIG}"]),
        ([("a", [], {"x": 1, "y": [None, "ż"]})], ['result: {"x": 1, "y": [null, "ż"]}']),
        ([("a", [], ["\ud83d", "🐢"])], ['result: ["\\ud83d", "🐢"]']),
        (
            [("a", [], 1), ("b", ["a"], 2), ("c", ["a"], "x")],
            ["result of b: 2", 'result of c: "x"'],
        ),
    ],
)
def test_the_result_is_what_the_last_steps_returned(
    steps: list[tuple[str, list[str], Any]], lines: list[str]
) -> None:
    shown = [{"step_name": name, "parents": up, "results": r} for name, up, r in steps]
    assert result_lines(shown) == lines
