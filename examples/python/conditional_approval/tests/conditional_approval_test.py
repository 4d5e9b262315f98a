"""Each handler on its own: which amounts lead where, and what is refused."""

from typing import Any

import pytest
from conditional_approval.step_handlers import (
    AutoApproveHandler,
    FinalizeApprovalHandler,
    FinanceReviewHandler,
    ManagerApprovalHandler,
    RoutingDecisionHandler,
    ValidateRequestHandler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

STEP = Step(step_name="approval")
REQUEST = {"amount": 999.99, "requester": "ada@example.com", "purpose": "a desk"}

AUTOMATIC = {"approved": True, "approver": "system", "approval_type": "automatic"}
MANAGER = {"approved": True, "approver": "manager@example.com", "approval_type": "manager"}
FINANCE = {"approved": True, "approver": "finance@example.com", "approval_type": "finance"}


def call(handler: Any, context: Any = None, **results: Any) -> StepHandlerCallResult:
    result = handler().call(Task(context=context), Sequence(results), STEP)
    assert isinstance(result, StepHandlerCallResult)
    assert result.is_success
    return result


def test_a_request_is_passed_on_as_it_is() -> None:
    assert call(ValidateRequestHandler, REQUEST).results == {**REQUEST, "validated": True}


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"amount": "500"}, "INVALID_FIELD", "amount must be a number, not '500'"),
        ({"amount": True}, "INVALID_FIELD", "amount must be a number, not True"),
        ({"amount": None}, "INVALID_FIELD", "amount must be a number, not None"),
        ({"amount": 0}, "INVALID_FIELD", "amount must be greater than 0, and finite, not 0"),
        (
            {"amount": -0.01},
            "INVALID_FIELD",
            "amount must be greater than 0, and finite, not -0.01",
        ),
        ({"amount": 1e999}, "INVALID_FIELD", "amount must be greater than 0, and finite, not inf"),
        ({"requester": ""}, "INVALID_FIELD", "requester must be a text that is not empty, not ''"),
        ({"requester": 7}, "INVALID_FIELD", "requester must be a text that is not empty, not 7"),
        ({"purpose": " "}, "INVALID_FIELD", "purpose must be a text that is not empty, not ' '"),
    ],
)
def test_a_wrong_field_is_refused(wrong: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(PermanentError) as raised:
        call(ValidateRequestHandler, {**REQUEST, **wrong})
    assert (raised.value.error_code, str(raised.value)) == (code, message)


@pytest.mark.parametrize("name", ["amount", "requester", "purpose"])
def test_a_missing_field_is_refused(name: str) -> None:
    context = {key: value for key, value in REQUEST.items() if key != name}
    with pytest.raises(PermanentError, match=f"{name} is missing from the context") as raised:
        call(ValidateRequestHandler, context)
    assert raised.value.error_code == "MISSING_FIELD"


def test_a_context_that_is_no_object_is_refused() -> None:
    with pytest.raises(PermanentError, match="amount is missing from the context \\[\\]"):
        call(ValidateRequestHandler, [])


@pytest.mark.parametrize(
    ("amount", "path", "steps"),
    [
        (0.01, "auto", ("auto_approve",)),
        (999.99, "auto", ("auto_approve",)),
        (1000, "manager", ("manager_approval",)),
        (4999.99, "manager", ("manager_approval",)),
        (5000, "dual", ("manager_approval", "finance_review")),
        (10**40, "dual", ("manager_approval", "finance_review")),
    ],
)
def test_the_amount_decides_who_approves(amount: float, path: str, steps: tuple[str, ...]) -> None:
    result = call(RoutingDecisionHandler, validate_request={"amount": amount})
    assert result.results == {"approval_path": path, "amount": amount}
    assert result.create_steps == steps


def test_each_approval_says_who_made_it() -> None:
    assert call(AutoApproveHandler).results == AUTOMATIC
    assert call(ManagerApprovalHandler).results == MANAGER
    assert call(FinanceReviewHandler).results == FINANCE


def test_the_approvals_are_gathered_the_manager_s_first() -> None:
    decision = {"approval_path": "dual", "amount": 5000}
    result = call(
        FinalizeApprovalHandler,
        finance_review=FINANCE,
        manager_approval=MANAGER,
        routing_decision=decision,
    )
    assert result.results == {
        "final_status": "approved",
        "approval_count": 2,
        "approval_path": "dual",
        "approvals": [MANAGER, FINANCE],
    }
