"""The native workbench by its commands: JSON in, messages out."""

import json
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from tasker_core import _native
from tasker_core.counts import count
from tasker_core.dispatch import read_messages
from tasker_core.errors import RefusedError, WorkflowTestError
from tasker_core.serialization import integers_of_any_size, to_json, to_utf8

START = 1_767_225_600_000_000
"""What the clock shows at first, in microseconds since 1970: 2026-01-01 00:00 UTC."""


class Bench:
    """One engine, one played worker, one clock; `now` and `next` are microseconds since 1970.

    `messages` are the worker's, in order, until they are taken.
    """

    def __init__(self, template: str, file: str, environment: str, seed: int) -> None:
        options = {
            "template": template,
            "file": file,
            "environment": environment,
            "seed": count(seed, "seed", error=WorkflowTestError),
            "now": START,
        }
        self._native = _native.TestBench(json.dumps(options))
        self.template: dict[str, Any] = json.loads(self._native.template)
        self.messages: deque[dict[str, Any]] = deque()
        self.now = START
        self.next: int | None = None
        self.settled = True

    def create(self, context: Any, fields: Mapping[str, Any]) -> str:
        """Creates a task and gives its uuid. `fields` are those of `POST /v1/tasks`."""
        with integers_of_any_size():
            context_json = to_json(context, "context")
        request = {"namespace": self.template["namespace"], "name": self.template["name"]} | dict(
            fields
        )
        members = [f'"context": {context_json}']
        members += [
            f"{json.dumps(name)}: {to_json(value, name)}" for name, value in request.items()
        ]
        answers = self._call(to_utf8(f'{{"create": {{{", ".join(members)}}}}}'))
        created: str = answers["created"]["task_uuid"]
        return created

    def complete(self, outcomes: Iterable[bytes]) -> None:
        """The worker sends these outcome messages."""
        self._call(b'{"outcomes": [%b]}' % b", ".join(outcomes))

    def fetch(self, request: bytes | str, timeout_ms: int) -> str:
        """Results that a dispatch left out, as `_native.Worker.fetch` gives them; at once."""
        answer = self._native.call(b'{"fetch": %b}' % to_utf8(str(request)))
        # As text, because the caller reads it, and can tell what is nested too deeply to be read.
        return answer.removeprefix('[{"fetched":').rpartition('},{"clock":')[0]

    def advance(self, until: int) -> None:
        """Time passes until then, or until the worker gets a message."""
        self._call(b'{"advance": {"until": %d}}' % until)

    def crash_worker(self) -> None:
        """The worker's process dies; messages that were not taken are gone with it."""
        self.messages.clear()
        self._call(b'{"crash_worker": {}}')

    def crash_engine(self, outcomes: Iterable[bytes] = (), committed: bool = False) -> None:
        """The engine's process dies after the worker has sent these outcomes."""
        self._call(
            b'{"crash_engine": {"outcomes": [%b], "committed": %b}}'
            % (b", ".join(outcomes), b"true" if committed else b"false")
        )

    def cancel(self, task_uuid: str) -> None:
        """Cancels a task."""
        self._call(json.dumps({"cancel": {"task_uuid": task_uuid}}))

    def act(self, task_uuid: str, step_uuid: str, order: Mapping[str, Any]) -> None:
        """Acts on a step as an operator; `order` is the body of the API's call."""
        members = [f"{json.dumps(name)}: {to_json(value, name)}" for name, value in order.items()]
        ids = f'"task_uuid": "{task_uuid}", "step_uuid": "{step_uuid}"'
        self._call(to_utf8(f'{{"act": {{{ids}, "order": {{{", ".join(members)}}}}}}}'))

    def history(self, task_uuid: str, step_uuid: str) -> list[dict[str, Any]]:
        """What happened to a step, as the API shows it, with the handlers' logs."""
        command = {"history": {"task_uuid": task_uuid, "step_uuid": step_uuid}}
        history: list[dict[str, Any]] = self._call(json.dumps(command))["history"]
        return history

    def show(self, task_uuid: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A task and its steps as the API shows them."""
        answers = self._call(json.dumps({"show": {"task_uuid": task_uuid}}))
        return answers["task"], answers["steps"]

    def _call(self, command: str | bytes) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        with integers_of_any_size():
            messages = read_messages(self._native.call(command))
        for message in messages:
            if "dispatch" in message or "cancel" in message:
                self.messages.append(message)
            else:
                answers |= message
        clock = answers["clock"]
        self.now, self.next, self.settled = clock["now"], clock["next"], clock["settled"]
        if "refused" in answers:
            raise RefusedError(**answers["refused"])
        return answers
