"""Which steps a task still has before it, by those that are created."""

import pytest
from engine_samples import created, template

from tasker_core.cli.open_steps import open_steps

# Out of order, as a template's steps may be.
DECISION = template(
    ("after", "standard", ["left"]),
    ("gather", "deferred_convergence", ["left", "right"]),
    ("left", "standard", ["route"]),
    ("right", "standard", ["route"]),
    ("route", "decision", []),
)
BATCH = template(
    ("split", "batchable", []),
    ("work", "batch_worker", ["split"]),
    ("sum", "deferred_convergence", ["work"]),
)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"route": "enqueued"}, {"route", "left", "right", "gather", "after"}),
        ({"route": "error"}, {"route", "left", "right", "gather", "after"}),
        (
            {"route": "complete", "right": "in_progress", "gather": "pending"},
            {"right", "gather"},
        ),
        (
            {
                "route": "complete",
                "left": "complete",
                "gather": "waiting_for_retry",
                "after": "complete",
            },
            {"gather"},
        ),
        ({"route": "resolved_manually"}, set()),
    ],
)
def test_what_a_decision_has_not_named_never_comes(
    states: dict[str, str], expected: set[str]
) -> None:
    assert open_steps(DECISION, created(**states)) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"split": "in_progress"}, {"split", "work", "sum"}),
        ({"split": "complete", "work_001": "complete", "work_002": "error"}, {"work", "sum"}),
        ({"split": "complete", "work_001": "complete", "sum": "enqueued"}, {"sum"}),
        ({"split": "complete", "sum": "enqueued"}, {"sum"}),
    ],
)
def test_batches_are_their_workers(states: dict[str, str], expected: set[str]) -> None:
    assert open_steps(BATCH, created(**states)) == expected


def test_a_name_that_only_looks_like_a_batch_is_a_steps_own() -> None:
    plain = template(("work_001", "standard", []), ("work", "standard", []))
    assert open_steps(plain, created(work_001="complete", work="enqueued")) == {"work"}
