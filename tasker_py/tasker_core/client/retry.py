"""Which failures are tried again, and when: never one after which the call may have had an effect.

As crates/client/src/retry.rs, with jitter: clients that failed together do not come back together;
and with several addresses, see `connection`.
"""

from collections.abc import Callable

from tasker_core.client.errors import (
    ApiError,
    ConnectionLostError,
    NotConnectedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from tasker_core.client.states import ErrorCode

LIMIT_SECONDS = 10.0
"""Of pauses. A restart of the engine takes less; a caller who wants to wait longer calls again."""
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5

# Their own promise: the request had no effect.
_WITHOUT_EFFECT = (ErrorCode.UNAVAILABLE, ErrorCode.OVERLOADED)
# A proxy in between that lost the engine.
_PROXY_STATUSES = (502, 503, 504)


class Pauses:
    """The pauses between the attempts of one call."""

    def __init__(
        self, random: Callable[[], float], limit: float = LIMIT_SECONDS, addresses: int = 1
    ) -> None:
        """`random` gives numbers from 0 to 1; `limit` is the sum of the pauses, in seconds.

        Of several `addresses` the others are tried without a pause.
        """
        self._random = random
        self._addresses = addresses
        self._tried = 0
        self._limit = limit
        self._next = FIRST_PAUSE_SECONDS
        self._spent = 0.0

    def after(self, error: ApiError, *, repeatable: bool) -> float | None:
        """Seconds before the next attempt; None when the failure is final or time is up."""
        self._tried += 1
        if self._tried % self._addresses and isinstance(error, NotConnectedError):
            # Nothing was sent, and another address may answer, even if this one does not in time.
            return 0.0
        if not may_repeat(error, repeatable=repeatable):
            return None
        if self._tried % self._addresses:
            return 0.0
        pause = self._next * (0.5 + self._random() / 2)
        if isinstance(error, UnavailableError) and error.retry_after is not None:
            # Not before that, and not all at that moment.
            pause += error.retry_after
        if self._spent + pause > self._limit:
            return None
        self._spent += pause
        self._next = min(self._next * 2, LONGEST_PAUSE_SECONDS)
        return pause


def may_repeat(error: ApiError, *, repeatable: bool) -> bool:
    """Whether trying again can help, and does no harm."""
    if isinstance(error, NotConnectedError):
        return not error.timed_out
    if isinstance(error, ConnectionLostError):
        return repeatable and not error.timed_out
    if isinstance(error, UnavailableError):
        return error.code in _WITHOUT_EFFECT or repeatable
    return (
        isinstance(error, UnexpectedAnswerError) and repeatable and error.status in _PROXY_STATUSES
    )
