"""`check_idempotency`: every attempt disturbed in every way, and what that changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasker_core.errors import NotIdempotentError, WorkflowTestError
from tasker_core.testing.effects import Effects, Recorder, same, snapshot
from tasker_core.testing.faults import (
    CrashEngine,
    CrashWorker,
    DeliverTwice,
    Fault,
    Place,
    TimeOut,
)
from tasker_core.testing.handlers import HandlerLike
from tasker_core.testing.result import TaskResult
from tasker_core.testing.template import TemplateLike
from tasker_core.testing.workflow import WorkflowTest


@dataclass(frozen=True, slots=True)
class IdempotencyReport:
    """What was tried. A workflow that fails the check has none: NotIdempotentError is raised."""

    runs: int
    """Disturbed runs; each had the same effects and results as the undisturbed one."""
    not_compared: tuple[str, ...]
    """Steps whose results differ between two undisturbed runs already."""
    last_attempts: tuple[str, ...]
    """Steps that had no attempt left, such as those with one: they were not made to run again."""


@dataclass(frozen=True, slots=True)
class _Disturbance:
    place: Place
    fault: Fault
    happened: str
    effect: int = 0
    """The worker dies after this effect of the attempt; 0: not within the handler."""


@dataclass(frozen=True, slots=True)
class _Run:
    result: TaskResult
    effects: Any


def check_idempotency(
    template: TemplateLike,
    context: Any,
    handlers: Mapping[str, HandlerLike] | None = None,
    *,
    effects: Recorder | None = None,
    environment: str = "test",
    seed: int = 0,
    **fields: Any,
) -> IdempotencyReport:
    """Runs the workflow once undisturbed, then once for each thing that may happen to an attempt.

    At each attempt of each step the worker dies before the handler runs, after it has run and, with
    `Effects`, after each of its effects; the attempt times out and its outcome comes late; the
    outcome comes twice; the engine dies. Each run must end with the results of the undisturbed one
    and with the same `effects`: a recorder that the handlers' fakes write to, an `Effects` or a
    list, dict or set, which is cleared before each run. Of a batch worker's steps the first is
    taken.

    Raises NotIdempotentError, an AssertionError that names each handler at fault, what happened and
    what differed; WorkflowTestError when the undisturbed run does not complete or its effects are
    not the same twice.
    """
    test: WorkflowTest = WorkflowTest(template, handlers, environment=environment, seed=seed)
    recorder: Recorder = Effects() if effects is None else effects

    def run(disturbance: _Disturbance | None) -> _Run:
        recorder.clear()
        if isinstance(recorder, Effects):
            test.caller.before_call = recorder.enter
            if disturbance is not None and disturbance.effect:
                recorder.die_after(disturbance.place, disturbance.effect)
        if disturbance is not None:
            test.plan(*disturbance.place, disturbance.fault)
        result = test.run(context, **fields)
        return _Run(result, snapshot(recorder))

    undisturbed = run(None)
    if undisturbed.result.status != "complete":
        raise WorkflowTestError(f"undisturbed, the task does not complete:\n{undisturbed.result!r}")
    counts = _effect_counts(recorder, undisturbed.result)
    again = run(None)
    if not same(undisturbed.effects, again.effects):
        raise WorkflowTestError(
            "the effects of two undisturbed runs differ, so those of disturbed ones cannot be "
            f"compared with them: {undisturbed.effects!r} and {again.effects!r}"
        )
    unsteady = {
        name
        for name, step in undisturbed.result.steps.items()
        if name not in again.result or step.results != again.result[name].results
    }
    single = [
        step.name
        for step in undisturbed.result.steps.values()
        if step.attempts == step.max_attempts
    ]
    findings: dict[str, list[str]] = {}
    runs = 0
    for disturbance in _disturbances(test, undisturbed.result, counts):
        differs = _differences(undisturbed, run(disturbance), unsteady)
        runs += 1
        if differs:
            step_name, attempt = disturbance.place
            finding = f"  - attempt {attempt}: {disturbance.happened}\n"
            finding += "\n".join(f"      {difference}" for difference in differs)
            findings.setdefault(step_name, []).append(finding)
    if findings:
        raise NotIdempotentError(_message(test, findings, runs))
    return IdempotencyReport(runs, tuple(sorted(unsteady)), tuple(single))


def _effect_counts(recorder: Recorder, result: TaskResult) -> dict[Place, int]:
    if not isinstance(recorder, Effects):
        return {}
    places = _places(result)
    return {place: recorder.of_attempt(place) for place in places}


def _places(result: TaskResult) -> Iterator[Place]:
    for name, step in result.steps.items():
        for attempt in range(1, step.attempts + 1):
            yield name, attempt


def _disturbances(
    test: WorkflowTest, result: TaskResult, counts: Mapping[Place, int]
) -> Iterator[_Disturbance]:
    first_batches: dict[str, str] = {}
    for place in _places(result):
        name, attempt = place
        if first_batches.setdefault(test.template.declared(name), name) != name:
            continue
        yield _Disturbance(place, DeliverTwice(), "its outcome arrived twice")
        yield _Disturbance(place, CrashEngine(after=False), "the engine died while the handler ran")
        yield _Disturbance(
            place, CrashEngine(after=True), "the engine died when the outcome had arrived"
        )
        if attempt >= result[name].max_attempts:
            continue
        yield _Disturbance(
            place, CrashWorker(after=False), "the worker died before the handler was called"
        )
        for effect in range(1, counts.get(place, 0) + 1):
            yield _Disturbance(
                place,
                CrashWorker(after=True),
                f"the worker died within the handler, after its effect {effect}, and the handler "
                "ran again",
                effect,
            )
        yield _Disturbance(
            place,
            CrashWorker(after=True),
            "the worker died after the handler had run, and it ran again",
        )
        if test.template.timeout_ms(name) is not None:
            yield _Disturbance(
                place, TimeOut(late=False), "the attempt timed out, and the handler ran again"
            )
            yield _Disturbance(
                place,
                TimeOut(late=True),
                "the attempt timed out, its outcome came late, and the handler ran again",
            )


def _differences(undisturbed: _Run, disturbed: _Run, unsteady: set[str]) -> list[str]:
    differences = []
    if not same(undisturbed.effects, disturbed.effects):
        differences.append(f"effects: {undisturbed.effects!r} became {disturbed.effects!r}")
    before, after = undisturbed.result, disturbed.result
    if before.status != after.status:
        differences.append(f"the task: {before.status} became {after.status}")
    for name in before.steps:
        if name not in after:
            differences.append(f"the step {name} did not run")
        elif before[name].state != after[name].state:
            differences.append(f"{name}: {before[name].state} became {after[name]}")
        elif name not in unsteady and before[name].results != after[name].results:
            differences.append(
                f"results of {name}: {before[name].results!r} became {after[name].results!r}"
            )
    differences += [f"the step {name} ran too" for name in after.steps if name not in before]
    return differences


def _message(test: WorkflowTest, findings: Mapping[str, list[str]], runs: int) -> str:
    parts = []
    for step_name, of_step in findings.items():
        handler = test.template.callable_name(step_name)
        parts.append(f"the handler of {step_name} ({handler}) is not idempotent:")
        parts += of_step
    changed = sum(map(len, findings.values()))
    head = f"{changed} of {runs} disturbed runs of the workflow did not end as the undisturbed one"
    return "\n".join([head, *parts])
