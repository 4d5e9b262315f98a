"""Prints "N passed, N failed" for `bazel test` runs: count.py EVENTS STATUS [EVENTS STATUS...].

EVENTS is what --build_event_json_file wrote, STATUS the command's exit status. Test cases are
counted where a target reports them, as pytest and Rust's test harness do; any other test is one
case, and so is a target that was not built. Targets for other configurations are not counted.
Exits with 1 unless everything passed.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

Event = dict[str, Any]

RUST_RESULT = re.compile(
    r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE
)


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def total(events: Iterable[Event], status: int) -> Count:
    """All test cases of a run; a run that failed in any other way counts as one failure."""
    expected: set[str] = set()
    elsewhere: set[str] = set()
    counts: dict[str, Count] = {}
    for event in events:
        name = event["id"]
        if "testSize" in event.get("configured", {}):
            expected.add(name["targetConfigured"]["label"])
        if event.get("aborted", {}).get("reason") == "SKIPPED" and "targetCompleted" in name:
            elsewhere.add(name["targetCompleted"]["label"])
        elif "targetCompleted" in name and not event.get("completed", {}).get("success"):
            expected.add(name["targetCompleted"]["label"])
        if "testResult" in event:
            label = name["testResult"]["label"]
            counts[label] = counts.get(label, Count()) + _cases(event["testResult"])
    found = sum(counts.values(), Count(failed=len(expected - counts.keys() - elsewhere)))
    if status and not found.failed:
        found += Count(failed=1)
    return found


def _cases(result: Event) -> Count:
    files = dict(_files(result))
    found = _pytest_cases(files.get("test.xml")) or _rust_cases(files.get("test.log")) or Count()
    if result["status"] == "PASSED":
        return found if found.passed else Count(passed=1)
    return found if found.failed else found + Count(failed=1)


def _files(result: Event) -> Iterator[tuple[str, Path]]:
    for output in result.get("testActionOutput", []):
        if "uri" in output:
            yield output["name"], Path(unquote(urlparse(output["uri"]).path))


def _pytest_cases(report: Path | None) -> Count | None:
    """The cases of a report that pytest wrote; Bazel writes one for whatever wrote none."""
    try:
        suite = ElementTree.parse(report).find("testsuite") if report else None
    except (OSError, ElementTree.ParseError):
        return None
    if suite is None or suite.get("name") != "pytest":
        return None
    tests, failures, errors, skipped = (
        int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
    )
    return Count(tests - failures - errors - skipped, failures + errors, skipped)


def _rust_cases(log: Path | None) -> Count | None:
    try:
        text = log.read_text(errors="replace") if log else ""
    except OSError:
        return None
    found = [Count(*map(int, match)) for match in RUST_RESULT.findall(text)]
    return sum(found, Count()) if found else None


def main(*runs: tuple[Path, int]) -> int:
    found = Count()
    for events, status in runs:
        lines = events.read_text().splitlines() if events.exists() else []
        found += total((json.loads(line) for line in lines), status)
    print(found)
    failed = found.failed or any(status for _, status in runs)
    return 1 if failed or not found.passed else 0


if __name__ == "__main__":
    sys.exit(main(*zip(map(Path, sys.argv[1::2]), map(int, sys.argv[2::2]), strict=True)))
