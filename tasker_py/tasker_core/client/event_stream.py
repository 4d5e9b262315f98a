"""The events of a task: server-sent events, resumed where a connection broke off."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from tasker_core.client import operations
from tasker_core.client.call import Answer, Call, read
from tasker_core.client.errors import ApiError, ConnectionLostError
from tasker_core.client.flow import Flow, Flows, Pause
from tasker_core.client.models import TaskEvent, TaskStatusChanged
from tasker_core.client.operations import TaskId

SILENCE_SECONDS = 60.0
"""After which a connection is given up; the engine shows every 15 s that it is there."""

_KINDS = ("task", "step")
_EVENT: TypeAdapter[TaskEvent] = TypeAdapter(TaskEvent)


class EventReader:
    """Takes the bytes of one connection apart.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    def __init__(self) -> None:
        self._rest = b""
        self._id: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[tuple[str | None, str]]:
        """The id and data of each event that is complete now."""
        # Not splitlines: JSON may hold what Unicode takes for the end of a line.
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.removesuffix(b"\r").decode(errors="replace").partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self._id = value
            elif name == "data":
                self._data.append(value)
            elif not name and not value and self._data:
                yield self._id, "\n".join(self._data)
                self._data = []


class EventStream:
    """A task that is followed: what was seen, and what is to be done when a connection ends."""

    def __init__(self, task_uuid: TaskId, flows: Flows, last_event_id: str | None) -> None:
        self.last_event_id = last_event_id
        self.has_ended = False
        self._task_uuid = task_uuid
        self._flows = flows
        self._pauses = flows.pauses()
        self._call = operations.follow_task(task_uuid)
        self._reader = EventReader()
        self._read_any = False
        self._end_is_known = False

    def connect(self) -> tuple[Call[Any], dict[str, str]]:
        """What opens the next connection: the call, and its headers."""
        self._reader = EventReader()
        self._read_any = False
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id is not None:
            headers["Last-Event-ID"] = self.last_event_id
        return self._call, headers

    def feed(self, url: str, chunk: bytes) -> Iterator[TaskEvent]:
        """The events that are complete now; those of kinds that only a newer engine knows not."""
        # Whatever comes, the connection is one.
        self._pauses = self._flows.pauses()
        for event_id, data in self._reader.feed(chunk):
            answer = Answer(url=url, status=200, content=data.encode())
            event = read(replace(self._call, read=_event), answer)
            self._read_any = True
            self.last_event_id = event_id or self.last_event_id
            if event is None:
                continue
            if isinstance(event, TaskStatusChanged) and event.status.has_ended:
                self.has_ended = True
            yield event

    def resume(self, error: ApiError | None) -> Flow[None]:
        """After the end of a connection: pauses before the next, or raises what ends it all.

        `error` is None when the engine ended it in good order.
        """
        if error is None and not self._read_any:
            # Nothing more to tell, or an engine that stops. Ended before a whole connection that
            # told nothing: so nothing is missed.
            if self._end_is_known:
                self.has_ended = True
                return
            task = yield from self._flows.call(operations.get_task(self._task_uuid))
            self._end_is_known = task.status.has_ended
            if self._end_is_known:
                return
        if error is None:
            error = ConnectionLostError(str(self._call), "the events end before the task has")
        # Here a silence is no reason to give up.
        timed_out = isinstance(error, ConnectionLostError) and error.timed_out
        failure = ConnectionLostError(error.call, error.message) if timed_out else error
        pause = self._pauses.after(failure, repeatable=True)
        if pause is None:
            raise error
        yield Pause(pause)


def _event(value: Any) -> TaskEvent | None:
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in _KINDS:
        return None
    return _EVENT.validate_python(value)
