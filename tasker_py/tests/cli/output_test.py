"""Tables: what other commands take is whole at any width; what is no terminal is taken for none."""

import io
import re

import pytest
from rich.console import Console

from tasker_core.cli import output

UUID = "01a22d6c-6b1f-7486-8bdb-53c200867a5b"
HEADS = ("TASK", "WORKFLOW", "STATUS", "DONE", "CREATED")
LONG = "linear_workflow_py/mathematical_sequence_py"
REST = ("blocked_by_failures", "3/4", "2026-11-30 17:06:49+00:00")


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, workflow: str) -> list[str]:
    """The lines of a table on a terminal of this width, without trailing space."""
    file = io.StringIO()
    screen = Console(file=file, force_terminal=True, width=columns, color_system=None)
    monkeypatch.setattr(output, "console", lambda: screen)
    output.say_table(HEADS, [(UUID, workflow, *REST)], whole=2)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("columns", [40, 80, 100, 120, 160])
@pytest.mark.parametrize("workflow", ["shop/order", LONG])
def test_uuid_and_workflow_are_whole(
    monkeypatch: pytest.MonkeyPatch, columns: int, workflow: str
) -> None:
    lines = on_terminal(monkeypatch, columns, workflow)
    assert lines[1].startswith(f"{UUID}  {workflow}")
    assert "…" not in "".join(lines)


def test_the_other_columns_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_terminal(monkeypatch, 80, "shop/order") == [
        "TASK                                  WORKFLOW    STATUS       DONE  CREATED",
        f"{UUID}  shop/order  blocked_by_  3/4   2026-11-30",
        "                                                  failures           17:06:49+00",
        "                                                                     :00",
    ]


def test_where_that_is_not_enough_the_terminal_breaks_the_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert on_terminal(monkeypatch, 80, LONG)[1:] == [
        "  ".join([UUID, LONG, *REST[:1], "3/4 ", REST[2]])
    ]


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_pipe_is_no_terminal_whatever_is_said_of_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("COLUMNS", "80")
    output.say_table(HEADS, [(UUID, LONG, *REST)], whole=2)
    told = capsys.readouterr().out
    assert told.splitlines()[1].split() == [UUID, LONG, REST[0], "3/4", *REST[2].split()]
    assert re.search(r"\x1b", told) is None


def test_wide_characters_count_as_wide(capsys: pytest.CaptureFixture[str]) -> None:
    output.say_table(("STEP", "STATE"), [("発送", "complete"), ("pay", "error")])
    assert capsys.readouterr().out.splitlines() == [
        "STEP  STATE",
        "発送  complete",
        "pay   error",
    ]
