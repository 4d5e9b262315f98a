"""What an engine answers, and clients that a played engine answers to."""

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tasker_core.client import AsyncTaskerClient, TaskerClient

TASK_UUID = "0190b7e4-0000-7000-8000-000000000001"
STEP_UUID = "0190b7e4-0000-8000-8000-000000000002"
AT = "2026-01-05T09:30:00.123456Z"

SUMMARY: dict[str, Any] = {
    "task_uuid": TASK_UUID,
    "namespace": "shop",
    "name": "order",
    "version": "1.0.0",
    "template_hash": "ab" * 32,
    "status": "complete",
    "execution_status": "all_complete",
    "created_at": AT,
    "updated_at": AT,
    "completed_at": AT,
    "initiator": None,
    "source_system": None,
    "reason": None,
    "tags": ["a"],
    "priority": 0,
    "correlation_id": None,
    "parent_correlation_id": None,
    "total_steps": 1,
    "pending_steps": 0,
    "in_progress_steps": 0,
    "completed_steps": 1,
    "failed_steps": 0,
    "completion_percentage": 100.0,
}
TASK: dict[str, Any] = {**SUMMARY, "context": {"n": 6}, "waiting_on": []}
STEP: dict[str, Any] = {
    "step_uuid": STEP_UUID,
    "task_uuid": TASK_UUID,
    "step_name": "charge",
    "current_state": "complete",
    "parents": [],
    "attempts": 1,
    "max_attempts": 3,
    "retryable": True,
    "results": {"n": 36},
    "metadata": {},
    "error": None,
    "created_at": AT,
    "started_at": AT,
    "completed_at": AT,
    "next_retry_at": None,
    "worker_id": "w",
    "waiting_on": None,
}

Answer = Callable[[httpx.Request], httpx.Response]


def error(status: int, code: str, message: str = "no", **headers: str) -> httpx.Response:
    """A refusal; `retry_after` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": {"code": code, "message": message, "details": {"nearest": ["order"]}}}
    return httpx.Response(status, json=body, headers=named)


class Played:
    """An engine of answers, one after the other; and both clients of it, as one.

    A method of the client is called on both; `requests` and `pauses` are those of the last.
    """

    def __init__(self, *answers: httpx.Response | httpx.RequestError, **options: Any) -> None:
        self._answers = answers
        self._options = options
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """What the method of either client gives; AssertionError when they differ."""
        told = []
        for ask in (self._synchronous, self._asynchronous):
            self.requests, self.pauses, self._left = [], [], list(self._answers)
            try:
                told.append(ask(name, args, kwargs))
            except Exception as raised:
                told.append(raised)
            assert self._left == [], "answers that nobody asked for"
        one, other = told
        if isinstance(one, Exception):
            assert (type(other), str(other)) == (type(one), str(one))
            raise one
        assert other == one
        return one

    def body(self, number: int = 0) -> Any:
        """The JSON of a request's body."""
        return json.loads(self.requests[number].content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._left.pop(0)
        if isinstance(answer, httpx.RequestError):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def _synchronous(self, name: str, args: Any, kwargs: Any) -> Any:
        transport = httpx.MockTransport(self._answer)
        options = {"transport": transport, "sleep": self.pauses.append, "chance": lambda: 1.0}
        with TaskerClient("http://engine", **{**options, **self._options}) as client:
            given = getattr(client, name)(*args, **kwargs)
            return list(given) if inspect.isgenerator(given) else given

    def _asynchronous(self, name: str, args: Any, kwargs: Any) -> Any:
        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        async def answer(request: httpx.Request) -> httpx.Response:
            return self._answer(request)

        async def ask() -> Any:
            transport = httpx.MockTransport(answer)
            options: dict[str, Any] = {"transport": transport, "sleep": sleep}
            options |= {"chance": lambda: 1.0, **self._options}
            async with AsyncTaskerClient("http://engine", **options) as client:
                given = getattr(client, name)(*args, **kwargs)
                if inspect.isasyncgen(given):
                    return [item async for item in given]
                assert isinstance(given, Awaitable)
                return await given

        return asyncio.run(ask())
