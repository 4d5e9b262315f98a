"""What the steps before a step returned, as its handler sees it."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from tasker_core.errors import NotBeforeStepError, ResultsUnavailableError

EMPTY: Mapping[str, Any] = MappingProxyType({})

Fetch = Callable[[str], list[Any]]
"""Gives the results that an ancestor's steps returned: one, or those of batches in cursor order."""


class Sequence(Mapping[str, Any]):
    """What the step's ancestors returned, by step name; those that did not run are not in it.

    Each batch is there under its own name, such as `process_csv_batch_001`; `batch` gives all of a
    batch worker. Results that are too long to be sent with the step are fetched when they are
    first asked for, which waits for the engine; several threads may ask. An async handler finds
    them fetched already. ResultsUnavailableError, which is retryable, when they cannot be had.
    Handed to another process it takes them all with it.
    """

    __slots__ = ("_batches", "_fetch", "_lock", "_omitted", "_results")

    def __init__(
        self,
        results: Mapping[str, Any] = EMPTY,
        batches: Mapping[str, list[Any]] = EMPTY,
        *,
        omitted: Mapping[str, int | None] = EMPTY,
        fetch: Fetch | None = None,
    ) -> None:
        """`results` by step name, `batches` by the batch worker's name: lists in cursor order.

        `omitted` names what `fetch` gives, with the number of batches where it is a batch worker.
        """
        # What is fetched moves from `_omitted` to one of the others: each is replaced by a new
        # mapping, with the lock held, so that who reads one needs none. `_omitted` is replaced last
        # and read first: nothing is missed on its way.
        self._results = results
        self._batches = batches
        self._omitted = omitted
        self._fetch = fetch
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which could fetch nothing: all that is omitted is fetched first."""
        self.load()
        return type(self), (dict(self._results), dict(self._batches))

    def get_results(self, step_name: str) -> Any:
        """What the ancestor returned, or None when it did not run."""
        return self.get(step_name)

    def batch(self, name: str) -> list[Any]:
        """What the batches of a batch worker returned, in the order of their cursors.

        Empty when there were no batches; None stands for a batch that was resolved by hand, or
        returned None. NotBeforeStepError, a KeyError, when no batch worker of this name is before
        the step.
        """
        batches = self._list(name)
        if batches is None:
            known = sorted(
                {*self._batches, *(key for key, n in self._omitted.items() if n is not None)}
            )
            raise NotBeforeStepError(
                f"{name!r} is no batch worker before this step; "
                + (f"there is {', '.join(known)}" if known else "there is none")
            )
        return batches

    def has_batches(self, name: str) -> bool:
        """Whether this is the name of a batch worker before the step."""
        return self._omitted.get(name) is not None or name in self._batches

    @property
    def omitted(self) -> frozenset[str]:
        """The ancestors whose results have not been fetched yet."""
        return frozenset(self._omitted)

    def load(self, names: Iterable[str] | None = None) -> None:
        """Fetches these of the omitted results now, or all. Waits for the engine."""
        for name in self.omitted if names is None else self.omitted.intersection(names):
            self._load(name)

    def __getitem__(self, step_name: str) -> Any:
        omitted = self._omitted
        try:
            return self._results[step_name]
        except KeyError:
            return self._find(step_name, omitted)

    def __contains__(self, step_name: object) -> bool:
        omitted = self._omitted
        if step_name in self._results:
            return True
        if step_name in omitted:
            return omitted[str(step_name)] is None
        return self._of_batch(str(step_name)) is not None

    def __iter__(self) -> Iterator[str]:
        self.load(name for name, count in list(self._omitted.items()) if count is not None)
        yield from list(self._results)
        yield from list(self._omitted)
        for name, results in list(self._batches.items()):
            for number, result in enumerate(results, start=1):
                if result is not None:
                    yield _batch_step(name, number, len(results))

    def __len__(self) -> int:
        if not self._batches and not self._omitted:
            return len(self._results)
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        if not self._batches and not self._omitted:
            return f"Sequence({dict(self._results)!r})"
        return (
            f"Sequence({dict(self._results)!r}, batches={dict(self._batches)!r}, "
            f"omitted={sorted(self._omitted)!r})"
        )

    def _find(self, step_name: str, omitted: Mapping[str, int | None]) -> Any:
        """A result that is not at hand: an omitted one, or that of a single batch."""
        if step_name in omitted and omitted[step_name] is None:
            self._load(step_name)
            return self._results[step_name]
        result = self._of_batch(step_name)
        if result is not None:
            return result
        if self.has_batches(step_name):
            raise NotBeforeStepError(
                f"{step_name!r} is a batch worker: batch({step_name!r}) has the results"
            )
        known = sorted({*self._results, *self._batches, *self._omitted})
        raise NotBeforeStepError(
            f"the step {step_name!r} did not run before this one; "
            + (f"there is {', '.join(known)}" if known else "there is none")
        )

    def _of_batch(self, step_name: str) -> Any:
        """The result of a single batch; None when there is none of this name.

        None too of one that was resolved by hand, without results.
        """
        name, _, number = step_name.rpartition("_")
        if number.isdecimal() and (results := self._list(name)) is not None:
            index = int(number)
            if 0 < index <= len(results) and step_name == _batch_step(name, index, len(results)):
                return results[index - 1]
        return None

    def _list(self, name: str) -> list[Any] | None:
        """The results of a batch worker; None when there is none of this name."""
        if self._omitted.get(name) is not None:
            self._load(name)
        return self._batches.get(name)

    def _load(self, name: str) -> None:
        with self._lock:
            # Another thread may have been first.
            if name in self._omitted:
                if self._fetch is None:
                    raise ResultsUnavailableError(name, "nobody was named who has them")
                results = self._fetch(name)
                if self._omitted[name] is None:
                    self._results = {**self._results, name: results[0]}
                else:
                    self._batches = {**self._batches, name: results}
                self._omitted = {key: n for key, n in self._omitted.items() if key != name}


def _batch_step(name: str, number: int, count: int) -> str:
    """The name of a batch's step, numbered from 1."""
    return f"{name}_{number:0{max(3, len(str(count)))}d}"
