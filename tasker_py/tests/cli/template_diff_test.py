"""`tasker template diff` of files and folders: what is told, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tasker_core.cli.app import app

OLD = """\
name: order
namespace_name: shop
version: 1.0.0
steps:
  - name: charge
    handler: {callable: shop.Charge}
"""
NEW = OLD.replace("1.0.0", "1.1.0")
BROKEN = NEW.replace("shop.Charge", "shop.Pay")


def diff(*args: object) -> Result:
    return CliRunner().invoke(app, ["template", "diff", *map(str, args)])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return written(tmp_path / "old.yaml", OLD)


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_what_breaks_is_told_with_place_and_reason(old: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "new.yaml", BROKEN)
    done = diff(old, new)
    assert done.exit_code == 1
    gone = "no step calls `shop.Charge` any more [CALLABLE_REMOVED]"
    assert done.stdout.splitlines() == [
        "shop/order: 1.0.0 to 1.1.0",
        f"{new}:6:25: breaking: step `charge`: {gone}",
        "  running tasks: the step waits until a worker has the callable",
        "  hint: bring the old template beside the new one until its tasks have ended",
        "changes: 1 breaking, 0 notice, 0 safe",
    ]


def test_what_breaks_nothing_ends_well(old: Path, tmp_path: Path) -> None:
    assert diff(old, old).stdout == "nothing has changed\n"
    new = written(tmp_path / "new.yaml", NEW + "    timeout_seconds: 5\n")
    done = diff(old, new)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "nothing breaks")
    assert "[TIMEOUT_CHANGED]" in done.stdout


def test_programs_get_json(old: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "new.yaml", BROKEN)
    done = diff(old, new, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["compatible"] is False
    (comparison,) = told["comparisons"]
    assert (comparison["old"]["version"], comparison["new"]["version"]) == ("1.0.0", "1.1.0")
    (change,) = comparison["changes"]
    assert (change["code"], change["severity"], change["step"]) == (
        "CALLABLE_REMOVED",
        "breaking",
        "charge",
    )
    assert change["new"] == {"file": str(new), "line": 6, "column": 25}


def test_folders_are_matched_by_what_is_in_them(tmp_path: Path) -> None:
    other = OLD.replace("name: order", "name: refund", 1)
    old, new = tmp_path / "old", tmp_path / "new"
    written(old / "a.yaml", OLD)
    written(old / "b.yml", other)
    written(new / "renamed.yaml", NEW)
    done = diff(old, new)
    assert done.exit_code == 0
    assert "shop/refund: 1.0.0 to none" in done.stdout
    assert "[WORKFLOW_RETIRED]" in done.stdout
    # The handler of the workflow that left goes, too.
    written(new / "renamed.yaml", BROKEN)
    done = diff(old, new)
    assert done.exit_code == 1
    assert "[WORKFLOW_REMOVED]" in done.stdout
    # The old template beside the new one vouches for its tasks.
    written(new / "a.yaml", OLD)
    written(new / "b.yaml", other)
    assert diff(old, new).exit_code == 0


def test_templates_that_are_not_valid_are_told_and_not_compared(old: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "new.yaml", NEW.replace("callable:", "callible:"))
    done = diff(old, new)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{new}:6:15: " in done.stderr
    assert "[UNKNOWN_FIELD]" in done.stderr
    checked = json.loads(diff(old, new, "--json").stdout)["templates"]
    assert [bool(told["problems"]) for told in checked] == [False, True]


@pytest.mark.parametrize("paths", [1, 3])
def test_it_takes_two_paths(old: Path, paths: int) -> None:
    done = diff(*[old] * paths)
    assert done.exit_code == 2
    assert f"expected OLD and NEW, found {paths} paths" in " ".join(done.stderr.split())


def test_with_an_engine_it_takes_one(old: Path) -> None:
    done = diff("--engine", old, old)
    assert done.exit_code == 2
    assert "expected NEW alone with --engine, found 2 paths" in " ".join(done.stderr.split())


def test_paths_that_are_not_there_and_empty_folders_are_wrong_usage(
    old: Path, tmp_path: Path
) -> None:
    assert diff(old, tmp_path / "missing").exit_code == 2
    (tmp_path / "empty").mkdir()
    done = diff(old, tmp_path / "empty")
    assert done.exit_code == 2
    assert "has no file *.yaml or *.yml" in " ".join(done.stderr.replace("│", " ").split())
