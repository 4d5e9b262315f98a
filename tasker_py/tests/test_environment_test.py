"""The loader imports every handler file, and reports what it cannot import."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_core.test_environment import TestEnvironmentLoader


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"TASKER_ENV": "test"}, True), ({"TASKER_ENV": "production"}, False), ({}, False)],
)
def test_it_loads_in_the_test_environment_only(environ: dict[str, str], expected: bool) -> None:
    assert TestEnvironmentLoader(environ).should_load() is expected


def test_no_folder_is_no_handler() -> None:
    assert TestEnvironmentLoader({}).load_example_handlers() == []


def test_handler_files_are_imported_by_their_name_in_the_folder(tmp_path: Path) -> None:
    for folder in ("first/flow/steps", "second/stream"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "first/flow/steps/a_handler.py").write_text("loaded = 1\n")
    (tmp_path / "first/flow/steps/other.py").write_text("1 / 0\n")
    (tmp_path / "second/stream/b_handler.py").write_text("import flow.steps.a_handler\n")
    loader = TestEnvironmentLoader(
        {"TASKER_HANDLER_PATH": f"{tmp_path / 'first'}:{tmp_path / 'second'}"}
    )
    assert loader.load_example_handlers() == ["flow.steps.a_handler", "stream.b_handler"]
    assert loader.problems == {}
    assert sys.modules["flow.steps.a_handler"].loaded == 1


def test_a_file_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bad_handler.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "good_handler.py").write_text("")
    loader = TestEnvironmentLoader({"TASKER_HANDLER_PATH": str(tmp_path)})
    assert loader.load_example_handlers() == ["good_handler"]
    ((file, error),) = loader.problems.items()
    assert file == tmp_path / "bad_handler.py"
    assert isinstance(error, SystemExit)
    assert error.code == 3
