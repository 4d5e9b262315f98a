"""The wheel in a fresh virtual environment: `pip install`, and everything is there."""

import os
from pathlib import Path

from tests.wheel.installation import Installation


def test_the_package_and_its_extension_are_imported(
    installation: Installation, tmp_path: Path
) -> None:
    shown = installation.run(
        installation.bin / "python",
        "-c",
        "import tasker_core, tasker_core._native as n; print(tasker_core.__version__, n.__file__)",
        cwd=tmp_path,
    )
    version, native = shown.stdout.split()
    assert version == "0.1.0"
    package = Path(native).parent
    assert package.is_relative_to(installation.bin.parent)
    assert (package / "py.typed").read_bytes() == b""
    assert "def template_check(" in (package / "_native.pyi").read_text()


def test_the_extra_can_be_had(installation: Installation, tmp_path: Path) -> None:
    planned = installation.run(
        installation.bin / "pip", "install", "--dry-run", "tasker_core[otel]", cwd=tmp_path
    )
    assert "Would install" in planned.stdout, planned.stdout
    assert "opentelemetry-sdk-" in planned.stdout


def test_pytest_finds_the_plugin(installation: Installation, tmp_path: Path) -> None:
    fixtures = installation.run(installation.bin / "pytest", "--fixtures", cwd=tmp_path)
    assert "fixtures defined from tasker_core.testing.plugin" in fixtures.stdout


def test_the_command_shows_its_help(installation: Installation, tmp_path: Path) -> None:
    shown = installation.run(installation.bin / "tasker", "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stdout
    assert "Durable workflows on PostgreSQL." in shown.stdout


def test_the_sample_runs_with_nothing_set(installation: Installation, tmp_path: Path) -> None:
    by_name = f"{installation.bin}{os.pathsep}{os.defpath}"
    for tasker, path in (
        (str(installation.bin / "tasker"), os.defpath),
        ("tasker", by_name),
    ):
        shown = installation.run(
            *("/usr/bin/env", tasker, "dev", "--once"), cwd=tmp_path, environ={"PATH": path}
        )
        assert shown.returncode == 0, shown.stdout
        assert "\nresult: 69\n" in shown.stdout
        assert installation.processes() == []
    assert list(tmp_path.iterdir()) == []


def test_one_folder_alone_is_not_mixed_with_the_sample(
    installation: Installation, tmp_path: Path
) -> None:
    shown = installation.run(
        *(installation.bin / "tasker", "dev", "--once"),
        cwd=tmp_path,
        environ={"TASKER_HANDLER_PATH": "handlers"},
    )
    assert shown.returncode == 1
    assert shown.stdout == (
        "tasker dev: no folder of templates is named: set TASKER_TEMPLATE_PATH\n"
    )


def test_another_engine_can_be_named(installation: Installation, tmp_path: Path) -> None:
    shown = installation.run(
        *(installation.bin / "tasker", "dev", "--once"),
        cwd=tmp_path,
        environ={"TASKER_SERVER_BIN": "/nowhere/tasker-server"},
    )
    assert shown.returncode == 1
    assert "/nowhere/tasker-server, the engine's program, is not there" in shown.stdout
