"""`WorkflowTest`: a whole workflow in the test's own process, on a clock of its own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, overload

from tasker_core.errors import WorkflowTestError
from tasker_core.task_handler import TaskHandlerBase
from tasker_core.testing.bench import Bench
from tasker_core.testing.caller import Caller
from tasker_core.testing.faults import (
    CrashEngine,
    CrashWorker,
    DeliverTwice,
    Fail,
    Fault,
    Place,
    TimeOut,
    shown,
)
from tasker_core.testing.handlers import HandlerLike, StepHandlers
from tasker_core.testing.result import (
    HistoryEntry,
    Results,
    StepResult,
    TaskResult,
    history_entry,
    task_result,
)
from tasker_core.testing.run import Run
from tasker_core.testing.template import TemplateLike, TestedTemplate, read_template
from tasker_core.types import StepHandlerCallResult

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class WorkflowTest(Generic[Results]):
    """Runs tasks of one template, one after another, each on an engine and a clock of its own.

    The handlers are called in the test's thread, one at a time, as a worker calls them. While one
    runs the clock stands still; between them it goes on by itself to whatever comes next, be it a
    back-off of a month. What goes wrong is said beforehand (`fail_attempt`, `time_out`,
    `crash_worker`, `crash_engine`, `deliver_twice`) and holds for the next run.
    """

    @overload
    def __init__(
        self,
        template: type[TaskHandlerBase[Any, Results]],
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> None: ...

    @overload
    def __init__(
        self: "WorkflowTest[Any]",
        template: str | Path,
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> None: ...

    def __init__(
        self,
        template: TemplateLike,
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> None:
        """Reads and checks the template, and finds every handler.

        `template` is a path, YAML text, or a task handler, whose template is found below
        TASKER_TEMPLATE_PATH and must agree with it; then `results` of what the runs give are its
        model. `handlers` gives handlers by the name of their step or
        callable: classes, instances or functions of task, sequence and step; the others are found
        as a worker finds them. `environment` is merged into the template, as `TASKER_ENV` is by the
        engine. The random part of back-offs and all ids follow from `seed`.

        Raises InvalidArgumentError with all problems of the template, HandlerNotFoundError, and
        WorkflowTestError when `handlers` names what the template does not have, or there is none.
        """
        self._task_handler: type[TaskHandlerBase[Any, Results]] | None = (
            template if isinstance(template, type) else None
        )
        self._options = (*read_template(template), environment, seed)
        # For the first run; each has its own.
        self._bench: Bench | None = Bench(*self._options)
        self.template = TestedTemplate(self._bench.template)
        self.caller = Caller(StepHandlers(self.template, handlers or {}))
        self._faults: dict[Place, Fault] = {}
        self._run: Run | None = None

    # Running

    def run(self, context: Any, **fields: Any) -> TaskResult[Results]:
        """Creates a task and runs it until it has ended or is blocked.

        `fields` are those of `POST /v1/tasks`, such as `tags` or `priority`. Raises RefusedError
        when the engine would refuse the task: its context breaks the template's `input_schema`.
        """
        self._begin(context, fields)
        return self.run_until_blocked()

    def start(self, context: Any, **fields: Any) -> TaskResult[Results]:
        """Creates a task on a new engine, and runs nothing yet."""
        self._begin(context, fields)
        return self.result

    def _begin(self, context: Any, fields: Mapping[str, Any]) -> None:
        bench, self._bench = self._bench or Bench(*self._options), None
        run = Run(bench, self.caller, self._faults)
        run.create(context, fields)
        self._run = run

    def run_until_blocked(self) -> TaskResult[Results]:
        """Goes on until the task has ended or is blocked, over every back-off and time-out.

        WorkflowTestError when the task has ended and something planned has not happened.
        """
        while self._started().go_on(until=None) is not None:
            pass
        result = self.result
        if self._faults and result.status != "blocked_by_failures":
            planned = shown(self._faults)
            self._faults.clear()
            raise WorkflowTestError(
                f"the task ended without what was to go wrong: {planned}\n{result!r}"
            )
        return result

    def step(self) -> StepResult | None:
        """Makes the next attempt, moving the clock to it; None when there is none to come."""
        step_name = self._started().go_on(until=None)
        return None if step_name is None else self.result[step_name]

    def advance(self, duration: timedelta) -> TaskResult[Results]:
        """Lets time pass, and makes every attempt that falls into it.

        WorkflowTestError for a time beyond the year 9999.
        """
        run = self._started()
        if duration > _LAST - self.now:
            raise WorkflowTestError(f"a clock shows no time that is {duration} after {self.now}")
        until = run.now + duration // _MICROSECOND
        while run.go_on(until) is not None:
            pass
        return self.result

    @property
    def result(self) -> TaskResult[Results]:
        """The task as it is now."""
        return task_result(*self._started().show(), self._task_handler)

    def describe(self) -> str:
        """The task as it is now, for people, with the tracebacks of its steps' errors."""
        if self._run is None:
            return "no task was started"
        result = self.result
        errors = [step.error.backtrace for step in result.steps.values() if step.error is not None]
        return "\n".join([repr(result), *filter(None, errors)])

    def history(self, step: str) -> tuple[HistoryEntry, ...]:
        """What happened to a step: its attempts, late outcomes, and what people did."""
        return tuple(map(history_entry, self._started().history(step)))

    @property
    def now(self) -> datetime:
        """What the clock shows, in UTC; a run begins at 2026-01-01 00:00."""
        return _EPOCH + self._started().now * _MICROSECOND

    # What goes wrong

    def fail_attempt(
        self, step: str, attempt: int = 1, *, error: BaseException | StepHandlerCallResult
    ) -> None:
        """This attempt fails with the error, raised or returned; its handler is not called."""
        self.plan(step, attempt, Fail(error))

    def time_out(self, step: str, attempt: int = 1, *, late: bool = False) -> None:
        """This attempt's handler is called and ends only after the step's `timeout_seconds`.

        `late`: the worker is frozen meanwhile, and the handler's outcome comes after the engine has
        given the attempt up.
        """
        if self.template.timeout_ms(step) is None:
            raise WorkflowTestError(f"the step {step} has no `timeout_seconds` in the template")
        self.plan(step, attempt, TimeOut(late))

    def crash_worker(
        self, *, before: str | None = None, after: str | None = None, attempt: int = 1
    ) -> None:
        """The worker's process dies, and another takes its place; what it held is lost.

        `before`: when it is about to call this step's handler; `after`: when the handler has run
        and its outcome was not sent. Without either: now, between two steps.
        """
        step = _one_of(before, after)
        if step is None:
            self._started().crash_worker()
        else:
            self.plan(step, attempt, CrashWorker(after=after is not None))

    def crash_engine(
        self,
        *,
        before: str | None = None,
        after: str | None = None,
        attempt: int = 1,
        committed: bool = False,
    ) -> None:
        """The engine's process dies, and another recovers what it had committed.

        `before`: while the worker is about to call this step's handler; `after`: when the outcome
        has just arrived, so that the worker sends it again; with `committed` it was durable already
        and only nobody told so. Without either: now, between two steps.
        """
        step = _one_of(before, after)
        if step is None:
            self._started().crash_engine()
        else:
            self.plan(step, attempt, CrashEngine(after is not None, committed))

    def deliver_twice(self, step: str, attempt: int = 1) -> None:
        """The outcome of this attempt arrives twice."""
        self.plan(step, attempt, DeliverTwice())

    def plan(self, step: str, attempt: int, fault: Fault) -> None:
        """This is to happen to the attempt; the methods above say it in words."""
        self.template.declared(step)
        planned = self._faults.setdefault((step, attempt), fault)
        if planned is not fault:
            raise WorkflowTestError(
                f"attempt {attempt} of {step} has a fault already: {type(planned).__name__}"
            )

    # What people do to the task

    def cancel(self) -> TaskResult[Results]:
        """Cancels the task. RefusedError when it has ended."""
        self._started().cancel()
        return self.result

    def retry(self, step: str, *, by: str = "test", reason: str = "test") -> TaskResult[Results]:
        """Gives a step in `error` or `waiting_for_retry` its attempts again, the first at once.

        Like the two below: nothing runs yet, and RefusedError when the step is in another state.
        """
        return self._act(step, {"action": "retry", "by": by, "reason": reason})

    def resolve(self, step: str, *, by: str = "test", reason: str = "test") -> TaskResult[Results]:
        """Declares a step done, without results."""
        return self._act(step, {"action": "resolve", "by": by, "reason": reason})

    def complete(
        self,
        step: str,
        results: Any,
        *,
        create_steps: Sequence[str] | None = None,
        batches: Sequence[Mapping[str, Any]] | None = None,
        by: str = "test",
        reason: str = "test",
    ) -> TaskResult[Results]:
        """Gives a step the results that its handler did not.

        A decision takes `create_steps`, the names of the steps that follow; a batchable step
        `batches`, a cursor each: `{"start", "end", "data"}`.
        """
        order = {"action": "complete", "results": results, "by": by, "reason": reason}
        if create_steps is not None:
            order["create_steps"] = list(create_steps)
        if batches is not None:
            order["batches"] = list(batches)
        return self._act(step, order)

    def _act(self, step: str, order: Mapping[str, Any]) -> TaskResult[Results]:
        self._started().act(step, order)
        return self.result

    def _started(self) -> Run:
        if self._run is None:
            raise WorkflowTestError("no task was started: call `start` or `run` first")
        return self._run


def _one_of(before: str | None, after: str | None) -> str | None:
    if before is not None and after is not None:
        raise WorkflowTestError("give `before` or `after`, not both")
    return after if before is None else before
