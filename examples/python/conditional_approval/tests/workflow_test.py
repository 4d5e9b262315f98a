"""The whole workflow, in the test's own process: which steps come to exist."""

from typing import Any

import pytest
from conditional_approval.handlers import ConditionalApprovalHandler

from tasker_core.testing import WorkflowTest, check_idempotency


def request(amount: float) -> dict[str, Any]:
    return {"amount": amount, "requester": "ada@example.com", "purpose": "a desk"}


@pytest.mark.parametrize(
    ("amount", "approvals"),
    [
        (0.01, ("auto_approve",)),
        (999.99, ("auto_approve",)),
        (1000, ("manager_approval",)),
        (4999.99, ("manager_approval",)),
        (5000, ("manager_approval", "finance_review")),
    ],
)
def test_the_decision_makes_the_steps_that_the_amount_calls_for(
    amount: float, approvals: tuple[str, ...]
) -> None:
    test = WorkflowTest(ConditionalApprovalHandler)
    assert list(test.start(request(amount)).steps) == ["validate_request", "routing_decision"]

    result = test.run_until_blocked()
    assert result.status == "complete"
    assert tuple(result.steps)[2:] == (*approvals, "finalize_approval")
    assert result["finalize_approval"].parents == approvals
    assert result.results.finalize_approval.approval_count == len(approvals)
    assert result["routing_decision"].results["amount"] == amount


def test_nothing_is_decided_about_a_bad_request() -> None:
    result = WorkflowTest(ConditionalApprovalHandler).run(request(0))
    assert result.status == "blocked_by_failures"
    assert [(step.name, step.state) for step in result.steps.values()] == [
        ("validate_request", "error"),
        ("routing_decision", "pending"),
    ]


@pytest.mark.parametrize("amount", [500, 2500, 10_000])
def test_whatever_happens_to_an_attempt_the_approvals_are_the_same(amount: float) -> None:
    report = check_idempotency(ConditionalApprovalHandler, request(amount))
    assert report.runs >= 4
    assert report.not_compared == ()
