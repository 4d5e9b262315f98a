"""Stacks of containers keep out of each other's way, and remove what dead ones have left."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tasker_stack import slots
from tasker_stack.slots import SlotError, taken

HOLDER = """
from tasker_stack.slots import taken
with taken(3, [], print) as slot:
    print(slot.number, flush=True)
    input()
"""


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another stack, which has slot 0."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "0\n"
        yield process
        process.kill()


def test_a_slot_has_a_project_and_ports_that_no_other_has() -> None:
    all_slots = [slots.Slot(number) for number in range(slots.SLOTS)]
    assert len({slot.project for slot in all_slots}) == slots.SLOTS
    ports = [slot.port(s, i) for slot in all_slots for s in range(5) for i in range(1, 10)]
    assert len(set(ports)) == len(ports) == 20 * 5 * 9
    assert (min(ports), max(ports)) == (21000, 21998)


def test_two_stacks_have_different_slots(other: subprocess.Popen[str]) -> None:
    assert other.poll() is None
    with taken(3, [], print) as slot:
        assert (slot.number, slot.project) == (1, "tasker-e2e-1")
        assert not slots.is_alone(slot)


def test_what_a_dead_stack_left_is_removed_and_what_a_live_one_has_is_not(
    other: subprocess.Popen[str],
) -> None:
    removed: list[str] = []
    projects = ["tasker-e2e-0", "tasker-e2e-7", "tasker-e2e-seven", "somebody-elses"]
    with taken(3, projects, removed.append):
        assert removed == ["tasker-e2e-7"]
    other.kill()
    other.wait()
    with taken(3, projects, removed.append) as slot:
        assert removed == ["tasker-e2e-7", "tasker-e2e-0", "tasker-e2e-7"]
        assert slots.is_alone(slot)


def test_a_slot_of_whose_ports_one_is_in_use_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", slots.Slot(0).port(2))), taken(3, [], print) as slot:
        assert slot.number == 1


def test_ports_that_are_all_in_use_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "SLOTS", 1)
    with (
        socket.create_server(("127.0.0.1", slots.Slot(0).port(1))),
        pytest.raises(SlotError) as caught,
        taken(3, [], print),
    ):
        pass
    assert str(caught.value) == (
        "other programs have the ports that stacks publish (21010): end one of them"
    )


def test_a_stack_waits_while_all_slots_are_taken(
    other: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(slots, "SLOTS", 1)

    def end_other(names: object) -> None:
        assert list(names) == ["tasker-e2e-0"]  # type: ignore[call-overload]
        other.communicate("\n")

    monkeypatch.setattr(slots, "wait_for_any", end_other)
    with taken(3, [], print) as slot:
        assert slot.number == 0
    assert capsys.readouterr().err == "stack: 1 stacks run; waiting for one to end\n"
