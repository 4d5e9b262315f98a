"""A task as it goes on: live on a terminal, lines elsewhere, JSON for programs."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from uuid import UUID

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tasker_core.cli.engine import patient
from tasker_core.cli.output import console, say, say_json
from tasker_core.client import (
    StepState,
    StepStateChanged,
    Task,
    TaskerClient,
    TaskEvent,
    TaskStatus,
)
from tasker_core.client.lines import event_line, result_lines, shown

ROWS = 20
"""Steps that a terminal shows: those to which something happened last."""

_STYLES = {
    StepState.IN_PROGRESS: "cyan",
    StepState.COMPLETE: "green",
    StepState.RESOLVED_MANUALLY: "green",
    StepState.WAITING_FOR_RETRY: "yellow",
    StepState.ERROR: "red",
    StepState.CANCELLED: "red",
}


def follow(client: TaskerClient, task_uuid: UUID, *, as_json: bool) -> Task:
    """Shows what happens until the task has ended or is blocked; gives it as it then is."""
    with patient(client) as lasting, _display(as_json) as show:
        for event in lasting.follow(task_uuid):
            show(event)
            if event.kind == "task" and event.status is TaskStatus.BLOCKED_BY_FAILURES:
                # It may have gone on since.
                task = lasting.get_task(task_uuid)
                if task.status is TaskStatus.BLOCKED_BY_FAILURES:
                    return task
        return lasting.get_task(task_uuid)


def wait(client: TaskerClient, task_uuid: UUID) -> Task:
    """The task when it has ended or is blocked."""
    with patient(client) as lasting:
        return lasting.wait(task_uuid)


def say_end(client: TaskerClient, task: Task) -> None:
    """What the task has come to: its results, or what it waits for."""
    if task.status.is_success:
        for line in result_lines(client.list_steps(task.task_uuid)):
            say(line)
        return
    say(f"the task is {task.status}")
    for reason in task.waiting_on:
        say(f"  {reason}")


def _display(as_json: bool) -> AbstractContextManager[Callable[[TaskEvent], None]]:
    if as_json:
        return nullcontext(lambda event: say_json(event.raw))
    if console().is_terminal:
        return _Screen()
    return nullcontext(_say_event)


def _say_event(event: TaskEvent) -> None:
    if (line := event_line(event)) is not None:
        say(line)


class _Screen(AbstractContextManager[Callable[[TaskEvent], None]]):
    """The steps of a task on a terminal."""

    def __init__(self) -> None:
        self._steps: dict[UUID, StepStateChanged] = {}
        self._live = Live(console=console(), get_renderable=self._rendered)

    def __enter__(self) -> Callable[[TaskEvent], None]:
        self._live.__enter__()
        return self._take

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def _take(self, event: TaskEvent) -> None:
        if event.kind == "step":
            # The last to change is the last.
            self._steps.pop(event.step_uuid, None)
            self._steps[event.step_uuid] = event

    def _rendered(self) -> Group:
        # Of a copy: another thread draws.
        steps = list(self._steps.values())
        table = Table(box=None, show_header=False, pad_edge=False)
        for step in steps[-ROWS:]:
            state = Text(step.state, style=_STYLES.get(step.state, "dim"))
            attempt = f"attempt {step.attempt}" if step.attempt > 1 else ""
            failure = shown(step.error_message or "")
            table.add_row(Text(shown(step.step_name)), state, Text(attempt), Text(failure))
        states = Counter(str(step.state) for step in steps)
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return Group(table, Text(counts, style="dim"))
