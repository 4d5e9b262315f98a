"""Results that were too long to come with a step, fetched page by page when they are asked for."""

import json
import time
from typing import Any, Protocol

from tasker_core.dispatch import AttemptRef
from tasker_core.errors import NativeError, PermanentError, ResultsUnavailableError
from tasker_core.serialization import from_json

PATIENCE_SECONDS = 60.0


class Source(Protocol):
    """The part of the native worker that fetches."""

    def fetch(self, request: bytes | str, timeout_ms: int) -> str:
        """Answers a `fetch` message with its `fetched`, both as in docs/worker_protocol.md."""


class AncestorResults:
    """Fetches for one attempt, until its deadline in monotonic seconds."""

    __slots__ = ("_deadline", "_ref", "_source")

    def __init__(self, source: Source, ref: AttemptRef, deadline: float) -> None:
        self._source = source
        self._ref = ref
        self._deadline = deadline

    def __call__(self, name: str) -> list[Any]:
        """The results of an ancestor's steps: one, or those of batches in cursor order.

        ResultsUnavailableError when they cannot be had now.
        """
        results: list[Any] = []
        start: int | None = 0
        while start is not None:
            page = self._page(name, start)
            if error := page.get("error"):
                raise ResultsUnavailableError(name, error["message"])
            results += page["results"]
            start = page.get("next")
        return results

    def _page(self, name: str, start: int) -> dict[str, Any]:
        request = {
            "task_uuid": self._ref.task_uuid,
            "step_uuid": self._ref.step_uuid,
            "attempt": self._ref.attempt,
            "name": name,
            "from": start,
        }
        seconds = max(0.0, min(PATIENCE_SECONDS, self._deadline - time.monotonic()))
        try:
            text = self._source.fetch(json.dumps(request), int(seconds * 1000))
        except NativeError as error:
            raise ResultsUnavailableError(name, str(error)) from error
        try:
            page: dict[str, Any] = from_json(text)
        except RecursionError:
            raise PermanentError(
                f"the results of {name!r} are nested too deeply for Python",
                error_code="PAYLOAD_TOO_DEEP",
            ) from None
        return page
