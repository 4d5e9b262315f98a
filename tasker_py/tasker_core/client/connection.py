"""Carries out flows over httpx: the only place of the clients where anything happens."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
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

_OK = 200
_NO_CONTENT = 204
_FOLLOW_TIMEOUT = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)


class Connection:
    """The way to an engine for who waits; threads may share it."""

    def __init__(
        self,
        endpoint: Endpoint,
        answer_seconds: float,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._answer_seconds = answer_seconds
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=endpoint.url,
            headers=endpoint.headers,
            transport=transport,
            trust_env=endpoint.trusts_environment,
            verify=endpoint.verify,
        )

    def close(self) -> None:
        """Closes all that is open."""
        self._http.close()

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
        request = _request(self._http, call, self._answer_seconds)
        try:
            return _answer(self._http.send(request))
        except httpx.RequestError as error:
            return self._endpoint.failure(_shown(request), error)

    def _events(self, stream: EventStream) -> Iterator[TaskEvent]:
        call, headers = stream.connect()
        request = self._http.build_request(
            call.method, call.path, headers=headers, timeout=_FOLLOW_TIMEOUT
        )
        try:
            response = self._http.send(request, stream=True)
            try:
                if response.status_code == _NO_CONTENT:
                    stream.has_ended = True
                    return
                if response.status_code != _OK:
                    response.read()
                    read(call, _answer(response))
                for chunk in response.iter_bytes():
                    yield from stream.feed(str(request.url), chunk)
            finally:
                response.close()
        except httpx.RequestError as error:
            raise self._endpoint.failure(_shown(request), error) from error


class AsyncConnection:
    """The way to an engine for coroutines of one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        answer_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._answer_seconds = answer_seconds
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            base_url=endpoint.url,
            headers=endpoint.headers,
            transport=transport,
            trust_env=endpoint.trusts_environment,
            verify=endpoint.verify,
        )

    async def close(self) -> None:
        """Closes all that is open."""
        await self._http.aclose()

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
        request = _request(self._http, call, self._answer_seconds)
        try:
            return _answer(await self._http.send(request))
        except httpx.RequestError as error:
            return self._endpoint.failure(_shown(request), error)

    async def _events(self, stream: EventStream) -> AsyncGenerator[TaskEvent, None]:
        call, headers = stream.connect()
        request = self._http.build_request(
            call.method, call.path, headers=headers, timeout=_FOLLOW_TIMEOUT
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                if response.status_code == _NO_CONTENT:
                    stream.has_ended = True
                    return
                if response.status_code != _OK:
                    await response.aread()
                    read(call, _answer(response))
                async for chunk in response.aiter_bytes():
                    for event in stream.feed(str(request.url), chunk):
                        yield event
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise self._endpoint.failure(_shown(request), error) from error


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


def _answer(response: httpx.Response) -> Answer:
    return Answer(
        url=str(response.request.url),
        status=response.status_code,
        content=response.content,
        retry_after=response.headers.get("Retry-After"),
    )


def _shown(request: httpx.Request) -> str:
    return f"{request.method} {request.url}"
