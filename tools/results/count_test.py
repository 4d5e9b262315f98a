"""The count of a run is that of its tests' own reports, and no failure is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.results.count import Count, main, total

Event = dict[str, Any]

PYTEST_REPORT = """<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="5" failures="1"
errors="1" skipped="1"></testsuite></testsuites>"""
BAZEL_REPORT = """<?xml version="1.0"?><testsuites><testsuite name="//a:b" tests="1" failures="0"
errors="0"></testsuite></testsuites>"""


def configured(label: str) -> Event:
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": "SMALL"}}


def completed(label: str, success: bool) -> Event:
    return {
        "id": {"targetCompleted": {"label": label}},
        "completed": {"success": True} if success else {},
    }


def result(label: str, status: str, folder: Path, log: str = "", report: str = "") -> Event:
    outputs = []
    for name, text in (("test.log", log), ("test.xml", report)):
        path = folder / name
        path.write_text(text)
        outputs.append({"name": name, "uri": path.as_uri()})
    return {
        "id": {"testResult": {"label": label}},
        "testResult": {"status": status, "testActionOutput": outputs},
    }


def test_pytest_cases_are_counted_from_its_report(tmp_path: Path) -> None:
    events = [configured("//a:b"), result("//a:b", "FAILED", tmp_path, report=PYTEST_REPORT)]
    assert total(events, 3) == Count(2, 2, 1)


def test_rust_cases_are_counted_from_every_line_of_the_log(tmp_path: Path) -> None:
    log = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n" * 2
    events = [configured("//a:b"), result("//a:b", "PASSED", tmp_path, log, BAZEL_REPORT)]
    assert total(events, 0) == Count(6)


def test_a_test_without_cases_is_one(tmp_path: Path) -> None:
    events = [configured("//a:b"), result("//a:b", "PASSED", tmp_path, report=BAZEL_REPORT)]
    assert total(events, 0) == Count(1)


def test_a_test_that_fails_beside_its_cases_has_failed(tmp_path: Path) -> None:
    log = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\na process did not stop\n"
    events = [configured("//a:b"), result("//a:b", "FAILED", tmp_path, log, BAZEL_REPORT)]
    assert total(events, 3) == Count(3, 1)


def test_a_test_that_was_cut_off_has_failed(tmp_path: Path) -> None:
    events = [configured("//a:b"), result("//a:b", "TIMEOUT", tmp_path)]
    assert total(events, 3) == Count(0, 1)


def test_what_was_not_built_has_failed_once() -> None:
    events = [configured("//a:b"), completed("//a:b", False), completed("//a:library", False)]
    assert total(events, 1) == Count(0, 2)


def test_a_run_that_fails_before_any_target_has_failed() -> None:
    assert total([], 2) == Count(0, 1)


def test_a_test_of_another_configuration_is_not_counted() -> None:
    skipped = {
        "id": {"targetCompleted": {"label": "//a:b"}},
        "aborted": {"reason": "SKIPPED", "description": "Target //a:b build was skipped."},
    }
    assert total([configured("//a:b"), skipped], 0) == Count()


def test_what_was_built_and_is_no_test_is_not_counted() -> None:
    assert total([completed("//a:library", True)], 0) == Count()


@pytest.mark.parametrize(
    ("status", "events", "line", "code"),
    [
        (0, [completed("//a:library", True)], "0 passed, 0 failed", 1),
        (1, [completed("//a:library", False)], "0 passed, 1 failed", 1),
    ],
)
def test_only_passed_tests_are_a_success(
    status: int,
    events: list[Event],
    line: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "events"
    file.write_text("\n".join(map(json.dumps, events)))
    assert main((file, status)) == code
    assert capsys.readouterr().out == line + "\n"


def test_runs_are_counted_together_and_each_may_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    passed = [configured("//a:b"), result("//a:b", "PASSED", tmp_path, report=BAZEL_REPORT)]
    first.write_text("\n".join(map(json.dumps, passed)))
    second.write_text(json.dumps(completed("//a:b", False)))
    assert main((first, 0), (first, 0)) == 0
    assert main((first, 0), (second, 1)) == 1
    assert capsys.readouterr().out == "2 passed, 0 failed\n1 passed, 1 failed\n"
