"""What docs/python shows of client and command line is done, against a real engine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from running_system import PATIENCE, TEMPLATES, System

PAGES = Path("docs/python")
# What `jq -r .task_uuid` does, on a machine that has none.
JQ = "import json, sys; print(json.load(sys.stdin)[sys.argv[2][1:]])"


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / page).read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the programs that the pages name."""
    for name, command in (("tasker", "-m tasker_core.cli"), ("jq", f"-c '{JQ}'")):
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        script.chmod(0o755)
    return tmp_path


def run_code(page: str, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TASKER_URL", "TASKER_TOKEN"):
        monkeypatch.setenv(name, system.environ[name])
    monkeypatch.setenv("TASKER_TEMPLATE_PATH", str(TEMPLATES))
    code = "\n".join(blocks(page, "python engine"))
    exec(compile(code, page, "exec"), {"__name__": "page"})


def test_the_code_of_the_client_page_runs(
    system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_code("client.md", system, monkeypatch)
    told = capsys.readouterr().out
    assert "permanent_error_step error the payment method is not valid\n" in told
    assert "mathematical_sequence_py" in told


def test_the_code_of_the_task_handlers_page_runs(
    system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_code("task_handlers.md", system, monkeypatch)
    assert capsys.readouterr().out.split()[1:] == ["111"]


@pytest.mark.parametrize(
    ("number", "ends_with"),
    [
        (0, "worker-1"),
        (1, 'result: {"paid": true}'),
        (2, "tasks that name no version take 1.0.0"),
    ],
)
def test_the_commands_of_the_page_run(
    system: System, programs: Path, number: int, ends_with: str
) -> None:
    path = f"{programs}{os.pathsep}{system.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", blocks("command_line.md", "sh")[number]],
        env={**system.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ends_with in done.stdout.splitlines()[-1]
    assert done.stderr == ""
    if number == 1:
        # What is followed after the retry shows the retry's own failure.
        _, _, again = done.stdout.partition("step permanent_error_step is ")
        assert re.findall(r"error: attempt (\d): PermanentError: ", again)[:2] == ["1", "2"]
        assert "it has failed again\n" in again


def test_no_block_is_left_out() -> None:
    assert len(blocks("command_line.md", "sh")) == 3
    text = (PAGES / "client.md").read_text()
    assert text.count("```") == 2 * len(blocks("client.md", "python engine"))
