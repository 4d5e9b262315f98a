"""What handlers do to the world outside, as the fakes of a test record it."""

import copy
from collections import Counter
from typing import Any, TypeVar

from tasker_core.testing.faults import Place

T = TypeVar("T")


class WorkerDiedError(BaseException):
    """Ends a handler where its worker dies; nothing in a handler should catch it."""


class Effects:
    """A record of effects, for the fakes that handlers are given in a test.

    A fake calls `record` for whatever it does: a charge, a mail, a row. `check_idempotency` clears
    the record before each run, compares it after each, and lets a worker die right after any of the
    effects, which it cannot do with a plain list.
    """

    def __init__(self) -> None:
        self._recorded: list[Any] = []
        self._keys: dict[str, Any] = {}
        self._place: Place | None = None
        self._counts: Counter[Place] = Counter()
        self._deadly: tuple[Place, int] | None = None

    def record(self, effect: Any, *, key: str | None = None) -> None:
        """Adds an effect.

        With a `key`, such as `step.idempotency_key`, the same effect under the same key is added
        once, as by a service that knows idempotency keys.
        """
        repeated = key is not None and key in self._keys and self._keys[key] == effect
        if not repeated:
            self._recorded.append(effect)
        if key is not None:
            self._keys.setdefault(key, effect)
        if self._place is not None:
            self._counts[self._place] += 1
            if self._deadly == (self._place, self._counts[self._place]):
                raise WorkerDiedError(f"the worker dies after effect {self._counts[self._place]}")

    @property
    def recorded(self) -> tuple[Any, ...]:
        """All effects so far, in order."""
        return tuple(self._recorded)

    def clear(self) -> None:
        """Forgets all effects."""
        self._recorded.clear()
        self._keys.clear()
        self._counts.clear()
        self._place = None
        self._deadly = None

    def of_attempt(self, place: Place) -> int:
        """How many effects this attempt had."""
        return self._counts[place]

    def enter(self, place: Place) -> None:
        """What is recorded from here on is of this attempt."""
        self._place = place

    def die_after(self, place: Place, number: int) -> None:
        """The worker dies after this effect of this attempt, counted from 1."""
        self._deadly = (place, number)


Recorder = Effects | list[Any] | dict[Any, Any] | set[Any]
"""Where the fakes of a test record effects."""


def snapshot(recorder: Recorder) -> Any:
    """The effects as they are now."""
    return list(recorder.recorded) if isinstance(recorder, Effects) else copy.deepcopy(recorder)


def same(one: Any, other: Any) -> bool:
    """Whether two snapshots hold the same effects; the order of a list does not count, because
    steps that do not depend on one another have none."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return bool(one == other)
