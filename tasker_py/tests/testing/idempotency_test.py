"""`check_idempotency` finds the handlers that do more when they run again."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tasker_core.errors import NotIdempotentError, PermanentError, RetryableError, WorkflowTestError
from tasker_core.step_handler import BatchableHandler
from tasker_core.testing import Effects, check_idempotency
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

ORDER = """
name: order
namespace_name: tests
version: 1.0.0
steps:
  - name: reserve
    handler: {callable: shop.reserve}
  - name: charge
    dependencies: [reserve]
    timeout_seconds: 10
    handler: {callable: shop.charge}
  - name: ship
    dependencies: [charge]
    retry: {retryable: false}
    handler: {callable: shop.ship}
"""

Handler = Callable[[Task, Sequence, Step], dict[str, Any]]


def nothing(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    return {"order": task.context["order"]}


def handlers(**own: Handler) -> dict[str, Handler]:
    return {"reserve": nothing, "charge": nothing, "ship": nothing} | own


def test_handlers_that_use_the_idempotency_key_pass() -> None:
    bank: dict[str, str] = {}

    def charge(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        bank[step.idempotency_key] = f"order {task.context['order']}"
        return {"charged": True}

    report = check_idempotency(ORDER, {"order": 7}, handlers(charge=charge), effects=bank)
    # Each step: delivered twice, the engine dies twice, the worker dies twice; the time-outs of one
    # step; and of the last step, which has one attempt, only what does not repeat it.
    assert report.runs == 3 * 3 + 2 * 2 + 2
    assert report.last_attempts == ("ship",)
    assert report.not_compared == ()
    assert list(bank.values()) == ["order 7"]


def test_a_handler_that_acts_again_is_named_with_what_happened_and_what_differed() -> None:
    charges: list[str] = []

    def charge(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        charges.append(f"order {task.context['order']}")
        return {"charged": True}

    with pytest.raises(NotIdempotentError) as error:
        check_idempotency(ORDER, {"order": 7}, handlers(charge=charge), effects=charges)
    differs = "      effects: ['order 7'] became ['order 7', 'order 7']"
    assert str(error.value).split("\n") == [
        "3 of 15 disturbed runs of the workflow did not end as the undisturbed one",
        "the handler of charge (shop.charge) is not idempotent:",
        "  - attempt 1: the worker died after the handler had run, and it ran again",
        differs,
        "  - attempt 1: the attempt timed out, and the handler ran again",
        differs,
        "  - attempt 1: the attempt timed out, its outcome came late, and the handler ran again",
        differs,
    ]
    assert isinstance(error.value, AssertionError)


def test_a_handler_whose_results_depend_on_what_it_did_before_is_found() -> None:
    stock = {"left": 5}

    def reserve(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        stock["left"] = stock.get("left", 5) - 1
        return {"left": stock["left"]}

    with pytest.raises(
        NotIdempotentError, match=r"results of reserve: \{'left': 4\} became"
    ) as error:
        check_idempotency(ORDER, {"order": 7}, handlers(reserve=reserve), effects=stock)
    assert "the handler of reserve (shop.reserve)" in str(error.value)


def test_a_handler_that_dies_half_way_is_found_by_its_recorder() -> None:
    effects = Effects()

    def ship_and_mail(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        effects.record("label", key=step.idempotency_key)
        effects.record("mail")
        return {}

    own = {"reserve": ship_and_mail, "charge": nothing, "ship": nothing}
    with pytest.raises(NotIdempotentError) as error:
        check_idempotency(ORDER, {"order": 7}, own, effects=effects)
    message = str(error.value)
    assert "within the handler, after its effect 2, and the handler ran again" in message
    assert "after its effect 1" not in message
    assert "effects: ['label', 'mail'] became ['label', 'mail', 'mail']" in message


def test_every_attempt_of_a_step_is_disturbed() -> None:
    seen: set[tuple[str, int]] = set()

    def charge(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        seen.add((step.step_name, step.attempt))
        if step.attempt == 1:
            raise RetryableError("the bank is closed")
        return {}

    report = check_idempotency(ORDER, {"order": 7}, handlers(charge=charge))
    # As above, and the second attempt of `charge`.
    assert report.runs == 15 + 7
    assert ("charge", 3) in seen


def test_results_that_are_never_the_same_are_not_compared() -> None:
    def reserve(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"id": str(uuid4())}

    report = check_idempotency(ORDER, {"order": 7}, handlers(reserve=reserve))
    assert report.not_compared == ("reserve",)


def test_effects_that_are_never_the_same_cannot_be_compared() -> None:
    effects = Effects()

    def reserve(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        effects.record(str(uuid4()))
        return {}

    with pytest.raises(WorkflowTestError, match="the effects of two undisturbed runs differ"):
        check_idempotency(ORDER, {"order": 7}, handlers(reserve=reserve), effects=effects)


def test_a_workflow_that_does_not_complete_is_not_checked() -> None:
    def reserve(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        raise PermanentError("sold out")

    with pytest.raises(WorkflowTestError, match=r"(?s)does not complete:.*sold out"):
        check_idempotency(ORDER, {"order": 7}, handlers(reserve=reserve))


def test_of_a_batch_workers_steps_the_first_is_taken() -> None:
    batches = """
name: batches
namespace_name: tests
version: 1.0.0
steps:
  - name: split
    type: batchable
    handler: {callable: shop.split}
  - name: part
    type: batch_worker
    dependencies: [split]
    handler: {callable: shop.part}
    batch_config: {batch_size: 1}
"""

    class Split(BatchableHandler):
        def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
            return self.create_batches(total_items=4)

    parts: list[int] = []

    def part(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        parts.append(step.cursor.start)
        return {}

    with pytest.raises(NotIdempotentError) as error:
        check_idempotency(batches, {}, {"split": Split, "part": part}, effects=parts)
    assert str(error.value).split("\n") == [
        "1 of 10 disturbed runs of the workflow did not end as the undisturbed one",
        "the handler of part_001 (shop.part) is not idempotent:",
        "  - attempt 1: the worker died after the handler had run, and it ran again",
        "      effects: [0, 1, 2, 3] became [0, 0, 1, 2, 3]",
    ]
