"""What the client gives goes from one process to another as it is."""

import pickle
from typing import Any
from uuid import UUID

import pytest
from samples import STEP, TASK

from tasker_core.client import errors
from tasker_core.client.models import ErrorDetail, Step, Task
from tasker_core.client.states import ErrorCode, StepState, TaskStatus

DETAIL = ErrorDetail(code=ErrorCode.OVERLOADED, message="too much", details={"open": 3})


def unavailable() -> errors.ApiError:
    return errors.refusal("GET http://engine/v1/tasks", 503, DETAIL, 2.0)


def timed_out() -> errors.ApiError:
    error = errors.ConnectionLostError("GET http://engine/v1/tasks", "nothing came")
    error.timed_out = True
    return error


@pytest.mark.parametrize(
    "error",
    [
        errors.NotConnectedError("GET http://engine/v1/tasks", "no engine can be reached"),
        errors.UnexpectedAnswerError("GET http://engine/", 200, "no JSON", "<html>"),
        errors.StillRunningError(Task.model_validate(TASK), 2),
        errors.refusal("POST http://engine/v1/tasks", 404, DETAIL, None),
        unavailable(),
        timed_out(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_out_as_it_went_in(error: Exception) -> None:
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert (str(there), vars(there)) == (str(error), vars(error))


@pytest.mark.parametrize(
    "value",
    [
        Task.model_validate(TASK),
        Step.model_validate(STEP),
        TaskStatus.COMPLETE,
        StepState("of_a_newer_engine"),
    ],
)
def test_what_the_api_shows_comes_out_as_it_went_in(value: Any) -> None:
    there = pickle.loads(pickle.dumps(value))
    assert there == value
    assert type(there) is type(value)
    assert getattr(there, "raw", None) == getattr(value, "raw", None)


def test_a_known_word_stays_the_same_object() -> None:
    assert pickle.loads(pickle.dumps(TaskStatus.COMPLETE)) is TaskStatus.COMPLETE
    task = pickle.loads(pickle.dumps(Task.model_validate(TASK)))
    assert task.status is Task.model_validate(TASK).status
    assert isinstance(task.task_uuid, UUID)
