"""Messages are read one by one if need be, and become a handler's arguments."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from tasker_core.dispatch import AttemptRef, arguments, read_messages
from tasker_core.types import BatchConfig, Cursor

DISPATCH: dict[str, Any] = {
    "task_uuid": "t",
    "step_uuid": "s",
    "attempt": 2,
    "max_attempts": 3,
    "namespace": "shop",
    "name": "orders",
    "version": "1.0.0",
    "step_name": "charge",
    "callable": "shop.Charge",
    "method": "call",
    "configuration": {"currency": "EUR"},
    "idempotency_key": "key",
    "context": {"n": 6},
    "results": {"validate": {"total": 3}},
    "timeout_ms": 30_000,
    "tags": ["a", "b"],
    "correlation_id": "order-17",
}


def test_a_dispatch_becomes_arguments() -> None:
    before = datetime.now(UTC)
    task, sequence, step = arguments(DISPATCH)
    assert (task.task_uuid, task.namespace, task.name, task.version) == (
        "t",
        "shop",
        "orders",
        "1.0.0",
    )
    assert (task.context, task.tags, task.correlation_id) == ({"n": 6}, ("a", "b"), "order-17")
    assert dict(sequence) == {"validate": {"total": 3}}
    assert (step.step_name, step.step_uuid, step.task_uuid) == ("charge", "s", "t")
    assert (step.attempt, step.max_attempts, step.idempotency_key) == (2, 3, "key")
    assert step.configuration == {"currency": "EUR"}
    assert not step.cancelled.is_set()
    assert step.deadline is not None
    assert before <= step.deadline - timedelta(seconds=30) <= datetime.now(UTC)


def test_every_field_of_task_and_step_is_given() -> None:
    task, _, step = arguments(DISPATCH)
    for made in (task, step):
        assert list(vars(made)) == [field.name for field in fields(made)]


def test_what_a_dispatch_may_lack_has_a_value() -> None:
    optional: dict[str, Any] = {
        "configuration": None,
        "results": {},
        "timeout_ms": None,
        "correlation_id": None,
    }
    task, sequence, step = arguments({**DISPATCH, **optional})
    assert (step.configuration, dict(sequence), step.deadline) == ({}, {}, None)
    assert task.correlation_id is None


def test_the_results_of_batches_are_told_from_a_list_that_a_step_returned() -> None:
    results = {"part": [{"n": 1}, {"n": 2}], "rows": [1, 2]}
    _, sequence, _ = arguments({**DISPATCH, "results": results, "batches": {"part": 2}})
    assert sequence.batch("part") == [{"n": 1}, {"n": 2}]
    assert dict(sequence) == {"rows": [1, 2], "part_001": {"n": 1}, "part_002": {"n": 2}}


def test_a_batch_has_its_cursor() -> None:
    cursor = {"start": 200, "end": 400, "data": {"sheet": 2}}
    _, _, step = arguments({**DISPATCH, "step_name": "part_of_file_002", "cursor": cursor})
    assert step.cursor == Cursor(200, 400, data={"sheet": 2}, batch_id="002")
    _, _, step = arguments({**DISPATCH, "batch_config": {"batch_size": 200}})
    assert not step.cursor
    assert step.batch_config == BatchConfig(batch_size=200, max_workers=None)


def test_a_payload_that_is_too_deep_costs_only_itself() -> None:
    deep = "[" * 100_000 + r'"]\",{"' + "]" * 100_000
    first = json.dumps({"dispatch": {**DISPATCH, "context": "HERE"}}).replace('"HERE"', deep)
    second = json.dumps({"dispatch": {**DISPATCH, "step_uuid": "other"}})
    cancel = '{"cancel": {"task_uuid": "t", "step_uuid": "x", "attempt": 1}}'
    messages = read_messages(f"[{first}, {second},{cancel}]")
    assert messages == [
        {"dispatch": {**DISPATCH, "context": {}, "nested_too_deeply": "context"}},
        {"dispatch": {**DISPATCH, "step_uuid": "other"}},
        {"cancel": {"task_uuid": "t", "step_uuid": "x", "attempt": 1}},
    ]
    assert AttemptRef.of(messages[2]["cancel"]) == AttemptRef("t", "x", 1)


def test_no_messages() -> None:
    assert read_messages("[]") == []
