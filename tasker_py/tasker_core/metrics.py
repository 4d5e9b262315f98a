"""Sums the metrics of several worker processes, as OpenMetrics text."""

import threading
from collections import defaultdict
from collections.abc import Mapping

CUMULATIVE = ("counter", "histogram")

# By family and then by name and labels, such as 'tasker_worker_attempts_total{outcome="success"}'.
Samples = dict[str, dict[str, float]]


class Metrics:
    """Adds up samples of the same name and labels.

    What a process has counted stays in the sums when it ends or does not answer, so that no counter
    goes back.
    """

    def __init__(self) -> None:
        # One scrape at a time.
        self._lock = threading.Lock()
        # The comment lines of each family.
        self._about: dict[str, list[str]] = {}
        # What each process has counted, by its name: its life, and what that told last.
        self._counted: dict[str, tuple[int, Samples]] = {}
        # What earlier lives have counted.
        self._retired: Samples = _samples()

    def summed(self, scrapes: Mapping[tuple[str, int], str]) -> str:
        """The sums, without the closing line.

        `scrapes` are the texts of the processes that answered, by name and life.
        """
        with self._lock:
            sums = _samples()
            for (process, life), text in scrapes.items():
                counted = self._read(text, sums)
                before = self._counted.get(process)
                if before is not None and before[0] != life:
                    _add(self._retired, before[1])
                self._counted[process] = life, counted
            for _, counted in self._counted.values():
                _add(sums, counted)
            _add(sums, self._retired)
            lines: list[str] = []
            for family, comments in self._about.items():
                lines += comments
                lines += (f"{name} {_number(value)}" for name, value in sums[family].items())
            return "".join(f"{line}\n" for line in lines)

    def _read(self, text: str, sums: Samples) -> Samples:
        """Adds what is true of the moment to `sums`, and gives what was counted."""
        counted = _samples()
        family = kind = ""
        comments: dict[str, list[str]] = defaultdict(list)
        for line in text.splitlines():
            if line.startswith("# EOF"):
                break
            if line.startswith("#"):
                _, word, family, said = line.split(" ", 3)
                comments[family].append(line)
                kind = said if word == "TYPE" else kind
            else:
                name, _, value = line.rpartition(" ")
                target = counted if kind in CUMULATIVE else sums
                target[family][name] = target[family].get(name, 0) + float(value)
        self._about.update(comments)
        return counted


def _samples() -> Samples:
    return defaultdict(dict)


def _add(sums: Samples, more: Samples) -> None:
    for family, samples in more.items():
        for name, value in samples.items():
            sums[family][name] = sums[family].get(name, 0) + value


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
