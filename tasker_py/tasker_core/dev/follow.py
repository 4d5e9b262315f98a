"""A task over the engine's API: created, followed step by step, its result read."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from tasker_core.dev.processes import POLL_SECONDS
from tasker_core.errors import DevError
from tasker_core.serialization import from_json, to_json, to_utf8

# Nothing more happens to such a task by itself.
FINAL = ("complete", "resolved_manually", "blocked_by_failures", "error", "cancelled")
SUCCESS = ("complete", "resolved_manually")


class Engine:
    """The part of an engine's API that `tasker dev` needs."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Nothing of the environment, such as a proxy, stands between two ends of one machine.
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=10.0)

    def close(self) -> None:
        """Gives up its connections."""
        self._client.close()

    def create(self, namespace: str, name: str, context: str) -> str:
        """Creates a task with this JSON text as its context. Gives its uuid."""
        ids = f'"namespace": {json.dumps(namespace)}, "name": {json.dumps(name)}'
        answer = self._client.post("/v1/tasks", content=f'{{{ids}, "context": {context}}}')
        task_uuid: str = _body(answer)["task_uuid"]
        return task_uuid

    def events(self, task_uuid: str, alive: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Every change of the task and its steps, until nothing more will happen by itself.

        A broken connection is made again; `alive` is called first, to raise when that is in vain.
        """
        last: str | None = None
        while True:
            headers = {} if last is None else {"Last-Event-ID": last}
            try:
                with self._client.stream(
                    "GET", f"/v1/tasks/{task_uuid}/events", headers=headers, timeout=None
                ) as answer:
                    if answer.is_error:
                        answer.read()
                        _body(answer)
                    for event_id, data in _server_sent(answer.iter_lines()):
                        last = event_id or last
                        event: dict[str, Any] = from_json(data)
                        yield event
                        if event["kind"] == "task" and event["status"] in FINAL:
                            return
            except httpx.TransportError:
                alive()
            time.sleep(POLL_SECONDS)

    def steps(self, task_uuid: str) -> list[dict[str, Any]]:
        """Every step of the task, in creation order."""
        steps: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            params = {} if cursor is None else {"cursor": cursor}
            path = f"/v1/tasks/{task_uuid}/workflow_steps"
            page = _body(self._client.get(path, params=params))
            steps += page["steps"]
            cursor = page["next_cursor"]
            if cursor is None:
                return steps


def is_ready(url: str) -> bool:
    """Whether the engine or worker at this address says that it is ready."""
    try:
        return httpx.get(f"{url}/health/ready", trust_env=False, timeout=1.0).status_code == 200
    except httpx.TransportError:
        return False


def result_lines(steps: list[dict[str, Any]]) -> list[str]:
    """What a task came to: the results of the steps that no other depends on."""
    parents = {parent for step in steps for parent in step["parents"]}
    last = [step for step in steps if step["step_name"] not in parents]
    if len(last) == 1:
        results = last[0]["results"]
        if isinstance(results, dict) and list(results) == ["result"]:
            results = results["result"]
        return [f"result: {_shown(results)}"]
    return [f"result of {step['step_name']}: {_shown(step['results'])}" for step in last]


def _shown(results: Any) -> str:
    # No terminal takes half a surrogate pair: it is shown as its escape.
    return to_utf8(to_json(results, "results")).decode()


def _server_sent(lines: Iterator[str]) -> Iterator[tuple[str | None, str]]:
    """The id and data of each server-sent event."""
    event_id: str | None = None
    data: list[str] = []
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield event_id, "\n".join(data)
            event_id, data = None, []
        elif field == "id":
            event_id = value
        elif field == "data":
            data.append(value)


def _body(answer: httpx.Response) -> dict[str, Any]:
    """The body of a success. DevError with the engine's message otherwise."""
    body: dict[str, Any] = from_json(answer.content)
    if answer.is_error:
        error = body["error"]
        what = f"{answer.status_code} {error['code']}"
        raise DevError(f"the engine answers {what}: {error['message']}")
    return body
