"""Which steps of a template a task still has before it, created or not."""

import re
from collections.abc import Iterable
from enum import Enum, auto
from graphlib import TopologicalSorter

from tasker_core.client import Step, StepState, StepType, Template, TemplateStep

DONE = {StepState.COMPLETE, StepState.RESOLVED_MANUALLY, StepState.CANCELLED}


class Fate(Enum):
    """What is known of a template's step in a task."""

    OPEN = auto()
    """A worker may be given it; a step in error may be retried."""
    DONE = auto()
    ABSENT = auto()
    """It never will exist."""


def open_steps(template: Template, created: Iterable[Step]) -> set[str]:
    """Names of the template's steps that workers may still be given, by those that are created.

    By the rules of the core: a step that a done decision has not named will never exist, and what
    stands behind it neither. docs/states.md has them.
    """
    states: dict[str, set[StepState]] = {}
    workers = [step.name for step in template.steps if step.type is StepType.BATCH_WORKER]
    for step in created:
        name = _declared(step.step_name, workers)
        states.setdefault(name, set()).add(step.current_state)
    by_name = {step.name: step for step in template.steps}
    order = TopologicalSorter({step.name: step.dependencies for step in template.steps})
    fates: dict[str, Fate] = {}
    for name in order.static_order():
        fates[name] = _fate(by_name[name], by_name, states, fates)
    return {name for name, fate in fates.items() if fate is Fate.OPEN}


def _declared(name: str, workers: Iterable[str]) -> str:
    """The template's name of a step: that of a batch is its worker's."""
    batch = re.fullmatch(r"(.+)_\d{3,6}", name)
    return batch[1] if batch and batch[1] in workers else name


def _fate(
    step: TemplateStep,
    by_name: dict[str, TemplateStep],
    states: dict[str, set[StepState]],
    fates: dict[str, Fate],
) -> Fate:
    if step.name in states:
        return Fate.DONE if states[step.name] <= DONE else Fate.OPEN
    parents = [fates[name] for name in step.dependencies]
    if step.type is StepType.DEFERRED_CONVERGENCE:
        never = all(fate is Fate.ABSENT for fate in parents)
    elif step.type is StepType.BATCH_WORKER:
        never = Fate.OPEN not in parents
    else:
        never = Fate.ABSENT in parents or any(
            by_name[name].type is StepType.DECISION and fates[name] is Fate.DONE
            for name in step.dependencies
        )
    return Fate.ABSENT if never else Fate.OPEN
