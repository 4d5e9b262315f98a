"""What `tasker step show` says of a step."""

from typing import Any

from tasker_core.cli.step_history import step_lines
from tasker_core.client import Step

UUID = "0190b7e4-0000-7000-8000-000000000001"
BEGUN, ENDED = "2026-01-05T09:30:00.000001Z", "2026-01-05T09:30:01Z"
FAILURE: dict[str, Any] = {
    "message": "'amuont'",
    "error_type": "KeyError",
    "error_code": None,
    "retryable": True,
    "backtrace": 'Traceback (most recent call last):\n  File "/srv/orders.py", line 12, in price\n',
}
STEP: dict[str, Any] = {
    "step_uuid": UUID,
    "task_uuid": UUID,
    "step_name": "price",
    "current_state": "resolved_manually",
    "parents": ["stock", "tax"],
    "attempts": 2,
    "max_attempts": 3,
    "retryable": True,
    "results": {"price": 20},
    "metadata": {},
    "error": FAILURE,
    "created_at": BEGUN,
    "started_at": BEGUN,
    "completed_at": ENDED,
    "next_retry_at": None,
    "worker_id": "w",
    "waiting_on": None,
    "history": [
        {
            "attempt": 1,
            "worker_id": "w",
            "started_at": BEGUN,
            "ended_at": ENDED,
            "outcome": "failed",
            "error": FAILURE,
            "logs": [{"at": BEGUN, "level": "info", "logger": "shop", "message": "low\non tea"}],
        },
        {
            "attempt": 2,
            "worker_id": None,
            "started_at": BEGUN,
            "ended_at": None,
            "outcome": None,
            "error": None,
        },
        {
            "attempt": 2,
            "worker_id": None,
            "started_at": ENDED,
            "ended_at": ENDED,
            "outcome": "completed",
            "error": None,
            "by": "ada",
            "reason": "paid in cash",
        },
    ],
}


def test_a_step_has_its_fields_attempts_tracebacks_logs_and_acts() -> None:
    assert list(step_lines(Step.model_validate(STEP))) == [
        "step:        price",
        "state:       resolved_manually",
        "attempts:    2/3",
        "depends on:  stock, tax",
        'results:     {"price": 20}',
        "error:       KeyError: 'amuont' (/srv/orders.py:12)",
        "",
        "attempt 1 failed on w, 2026-01-05 09:30:00.000001+00:00 to 2026-01-05 09:30:01+00:00",
        "    Traceback (most recent call last):",
        '      File "/srv/orders.py", line 12, in price',
        "    logged:",
        "        2026-01-05 09:30:00.000001+00:00 INFO shop: low",
        "        on tea",
        "",
        "attempt 2 is running, 2026-01-05 09:30:00.000001+00:00",
        "",
        "completed by ada, 2026-01-05 09:30:01+00:00",
        "    paid in cash",
    ]


def test_a_step_without_history_has_its_fields_alone() -> None:
    step = {**STEP, "results": None, "error": None, "parents": [], "history": None}
    assert list(step_lines(Step.model_validate(step))) == [
        "step:        price",
        "state:       resolved_manually",
        "attempts:    2/3",
    ]
