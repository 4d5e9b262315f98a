"""Carries out flows over httpx: the only place of the clients where anything happens.

Of several addresses the one that answered last is asked; one that is away, or answers as an engine
that stands by or a proxy that lost its engine, is left for the next.
"""

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import aclosing
from typing import Any, TypeVar

import httpx

from tasker_core.client.call import Answer, Call, read
from tasker_core.client.endpoint import CONNECT_SECONDS, Endpoint
from tasker_core.client.errors import ApiError, ConnectionLostError
from tasker_core.client.event_stream import SILENCE_SECONDS, EventStream
from tasker_core.client.flow import Flow, Pause, Reply
from tasker_core.client.models import TaskEvent
from tasker_core.client.trace import trace_headers

T = TypeVar("T")

ANSWER_SECONDS = 30.0
"""What an answer may take beyond the time that the engine was asked to wait."""

_OK = 200
_AWAY = (502, 503, 504)
_NO_CONTENT = 204
_FOLLOW_TIMEOUT = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)


class Connection:
    """The way to an engine for who waits; threads may share it."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        answer_seconds: float,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._addresses = _Addresses(endpoints)
        self._answer_seconds = answer_seconds
        self._sleep = sleep
        # All of them first: certificates may not be readable, and no client is left open.
        options = [_options(one, transport) for one in endpoints]
        self._https = [httpx.Client(**one) for one in options]

    def close(self) -> None:
        """Closes all that is open."""
        for http in self._https:
            http.close()

    def run(self, flow: Flow[T]) -> T:
        """What the flow comes to."""
        reply: Reply = None
        try:
            while True:
                wanted = flow.send(reply)
                if isinstance(wanted, Pause):
                    self._sleep(wanted.seconds)
                    reply = None
                else:
                    reply = self._send(wanted)
        except StopIteration as end:
            result: T = end.value
            return result

    def follow(self, stream: EventStream) -> Iterator[TaskEvent]:
        """The events of all its connections."""
        while not stream.has_ended:
            lost: ApiError | None = None
            try:
                yield from self._events(stream)
            except ApiError as error:
                lost = error
            if not stream.has_ended:
                self.run(stream.resume(lost))

    def _send(self, call: Call[Any]) -> Answer | ConnectionLostError:
        number = self._addresses.current
        http = self._https[number]
        request = _request(http, call, self._answer_seconds)
        try:
            answer = _answer(http.send(request), self._addresses.endpoints[number])
        except httpx.RequestError as error:
            return self._addresses.failure(number, request, error)
        if answer.status in _AWAY:
            self._addresses.leave(number)
        return answer

    def _events(self, stream: EventStream) -> Iterator[TaskEvent]:
        call, headers = stream.connect()
        number = self._addresses.current
        http = self._https[number]
        request = http.build_request(
            call.method, call.path, headers=headers, timeout=_FOLLOW_TIMEOUT
        )
        try:
            response = http.send(request, stream=True)
            try:
                if response.status_code == _NO_CONTENT:
                    stream.has_ended = True
                    return
                if response.status_code != _OK:
                    response.read()
                    if response.status_code in _AWAY:
                        self._addresses.leave(number)
                    read(call, _answer(response, self._addresses.endpoints[number]))
                for chunk in response.iter_bytes():
                    yield from stream.feed(str(request.url), chunk)
            finally:
                response.close()
        except httpx.RequestError as error:
            raise self._addresses.failure(number, request, error) from error


class AsyncConnection:
    """The way to an engine for coroutines of one event loop."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        answer_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._addresses = _Addresses(endpoints)
        self._answer_seconds = answer_seconds
        self._sleep = sleep
        # All of them first: certificates may not be readable, and no client is left open.
        options = [_options(one, transport) for one in endpoints]
        self._https = [httpx.AsyncClient(**one) for one in options]

    async def close(self) -> None:
        """Closes all that is open."""
        for http in self._https:
            await http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """What the flow comes to."""
        reply: Reply = None
        try:
            while True:
                wanted = flow.send(reply)
                if isinstance(wanted, Pause):
                    await self._sleep(wanted.seconds)
                    reply = None
                else:
                    reply = await self._send(wanted)
        except StopIteration as end:
            result: T = end.value
            return result

    async def follow(self, stream: EventStream) -> AsyncIterator[TaskEvent]:
        """The events of all its connections."""
        while not stream.has_ended:
            lost: ApiError | None = None
            try:
                # Closed with this, if whoever reads has had enough.
                async with aclosing(self._events(stream)) as events:
                    async for event in events:
                        yield event
            except ApiError as error:
                lost = error
            if not stream.has_ended:
                await self.run(stream.resume(lost))

    async def _send(self, call: Call[Any]) -> Answer | ConnectionLostError:
        number = self._addresses.current
        http = self._https[number]
        request = _request(http, call, self._answer_seconds)
        try:
            answer = _answer(await http.send(request), self._addresses.endpoints[number])
        except httpx.RequestError as error:
            return self._addresses.failure(number, request, error)
        if answer.status in _AWAY:
            self._addresses.leave(number)
        return answer

    async def _events(self, stream: EventStream) -> AsyncGenerator[TaskEvent, None]:
        call, headers = stream.connect()
        number = self._addresses.current
        http = self._https[number]
        request = http.build_request(
            call.method, call.path, headers=headers, timeout=_FOLLOW_TIMEOUT
        )
        try:
            response = await http.send(request, stream=True)
            try:
                if response.status_code == _NO_CONTENT:
                    stream.has_ended = True
                    return
                if response.status_code != _OK:
                    await response.aread()
                    if response.status_code in _AWAY:
                        self._addresses.leave(number)
                    read(call, _answer(response, self._addresses.endpoints[number]))
                async for chunk in response.aiter_bytes():
                    for event in stream.feed(str(request.url), chunk):
                        yield event
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise self._addresses.failure(number, request, error) from error


class _Addresses:
    """Which of the addresses is asked next; threads may share it."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = endpoints
        self.current = 0

    def leave(self, number: int) -> None:
        """The next is asked from here on, unless another call has gone on already."""
        if self.current == number:
            self.current = (number + 1) % len(self.endpoints)

    def failure(
        self, number: int, request: httpx.Request, error: httpx.RequestError
    ) -> ConnectionLostError:
        """What a failure of the way to this one is; it is left."""
        self.leave(number)
        return self.endpoints[number].failure(_shown(request), error)


def _options(endpoint: Endpoint, transport: Any) -> dict[str, Any]:
    return {
        "base_url": endpoint.url,
        "headers": endpoint.headers,
        "transport": transport,
        # What counts of the environment is in the endpoint; one's own transport is the whole way.
        "trust_env": False,
        "proxy": endpoint.httpx_proxy if transport is None else None,
        "verify": endpoint.certificates() if transport is None else False,
    }


def _request(
    http: httpx.Client | httpx.AsyncClient, call: Call[Any], answer_seconds: float
) -> httpx.Request:
    headers = trace_headers() if call.traced else {}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return http.build_request(
        call.method,
        call.path,
        params=call.query or None,
        content=None if call.body is None else call.body.encode(),
        headers=headers,
        timeout=httpx.Timeout(answer_seconds + call.seconds, connect=CONNECT_SECONDS),
    )


def _answer(response: httpx.Response, endpoint: Endpoint) -> Answer:
    return Answer(
        url=str(response.request.url),
        status=response.status_code,
        content=response.content,
        retry_after=response.headers.get("Retry-After"),
        proxy=None if endpoint.proxy is None else str(endpoint.proxy),
    )


def _shown(request: httpx.Request) -> str:
    return f"{request.method} {request.url}"
