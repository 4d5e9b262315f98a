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
    Step,
    StepState,
    StepStateChanged,
    Task,
    TaskerClient,
    TaskEvent,
    TaskStatus,
)
from tasker_core.client.lines import event_line
from tasker_core.client.telling import failure_of, results_of
from tasker_core.serialization import utf8_text

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

Show = Callable[[TaskEvent], None]


def follow(client: TaskerClient, task_uuid: UUID, *, as_json: bool) -> Task:
    """Shows what happens until the task has ended or is blocked; gives it as it then is.

    Of a task that was blocked before, all of it is shown.
    """
    seen = _Seen()
    with patient(client) as lasting, _display(lasting, task_uuid, as_json) as show:
        for event in lasting.follow(task_uuid):
            show(event)
            seen.take(event)
            if seen.may_be_last(event):
                # It may have gone on since.
                steps = lasting.list_steps(task_uuid)
                task = lasting.get_task(task_uuid)
                if task.status is TaskStatus.BLOCKED_BY_FAILURES and seen.have_come_to(steps):
                    return task
        return lasting.get_task(task_uuid)


def wait(client: TaskerClient, task_uuid: UUID) -> Task:
    """The task when it has ended or is blocked."""
    with patient(client) as lasting:
        return lasting.wait(task_uuid)


def say_end(client: TaskerClient, task: Task) -> None:
    """What the task has come to: its results, or what it waits for."""
    if task.status.is_success:
        for line in results_of(client, task):
            say(line)
        return
    say(f"the task is {task.status}")
    for reason in task.waiting_on:
        say(f"  {reason}")


class _Seen:
    """How a task stands after the events so far, against how it stands now.

    Events are told from the first on: a task that is blocked now may have been so before, and the
    events go on from there. They have come to now when each step stands as it does now.
    """

    def __init__(self) -> None:
        self._blocked = False
        self._steps: dict[UUID, _Standing] = {}
        self._now: dict[UUID, _Standing] = {}

    def take(self, event: TaskEvent) -> None:
        """Takes note of an event."""
        if event.kind == "step":
            self._steps[event.step_uuid] = (event.state, event.attempt)
        else:
            self._blocked = event.status is TaskStatus.BLOCKED_BY_FAILURES

    def may_be_last(self, event: TaskEvent) -> bool:
        """Whether the task is blocked after this event, and nothing that is known came later."""
        return self._blocked and (event.kind == "task" or self._are_now())

    def have_come_to(self, steps: list[Step]) -> bool:
        """Whether the events have come to where these steps, the newest known, stand."""
        self._now = {step.step_uuid: (step.current_state, step.attempts) for step in steps}
        return self._are_now()

    def _are_now(self) -> bool:
        return all(self._steps.get(step) == standing for step, standing in self._now.items())


_Standing = tuple[StepState, int]


def _display(client: TaskerClient, task_uuid: UUID, as_json: bool) -> AbstractContextManager[Show]:
    if as_json:
        return nullcontext(lambda event: say_json(event.raw))

    def failure(event: TaskEvent) -> str | None:
        return failure_of(client, task_uuid, event)

    if console().is_terminal:
        return _Screen(failure)
    return nullcontext(lambda event: _say_event(event, failure(event)))


def _say_event(event: TaskEvent, failure: str | None) -> None:
    if (line := event_line(event, failure)) is not None:
        say(line)


class _Screen(AbstractContextManager[Show]):
    """The steps of a task on a terminal."""

    def __init__(self, failure: Callable[[TaskEvent], str | None]) -> None:
        self._failure = failure
        self._steps: dict[UUID, tuple[StepStateChanged, str]] = {}
        self._live = Live(console=console(), get_renderable=self._rendered)

    def __enter__(self) -> Show:
        self._live.__enter__()
        return self._take

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def _take(self, event: TaskEvent) -> None:
        if event.kind == "step":
            failure = self._failure(event) or ""
            # The last to change is the last.
            self._steps.pop(event.step_uuid, None)
            self._steps[event.step_uuid] = event, failure

    def _rendered(self) -> Group:
        # Of a copy: another thread draws.
        steps = list(self._steps.values())
        table = Table(box=None, show_header=False, pad_edge=False)
        # Names are what other commands take.
        table.add_column(no_wrap=True)
        for step, failure in steps[-ROWS:]:
            state = Text(step.state, style=_STYLES.get(step.state, "dim"))
            attempt = f"attempt {step.attempt}" if step.attempt > 1 else ""
            table.add_row(
                Text(utf8_text(step.step_name)), state, Text(attempt), Text(utf8_text(failure))
            )
        states = Counter(str(step.state) for step, _ in steps)
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return Group(table, Text(counts, style="dim"))
