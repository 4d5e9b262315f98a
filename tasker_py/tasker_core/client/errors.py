"""What can go wrong when the API is called, under `tasker_core.errors.TaskerError`."""

from typing import Any

from tasker_core.client.models import ErrorDetail, Task
from tasker_core.client.states import ErrorCode
from tasker_core.errors import TaskerError


class ApiError(TaskerError):
    """A call that did not give what was asked for.

    `call` is its method and URL. Where the engine said why: `status` is HTTP's, `code` a line of
    docs/errors.md, `message` a sentence with the remedy, `details` values for programs.
    """

    def __init__(
        self, call: str, message: str, *, status: int | None = None, code: ErrorCode | None = None
    ) -> None:
        said = " ".join(str(part) for part in (status, code) if part is not None)
        super().__init__(f"{call}: {said}: {message}" if said else f"{call}: {message}")
        self.call = call
        self.message = message
        self.status = status
        self.code = code
        self.details: Any = None


class RefusedCallError(ApiError):
    """The engine refused the call, and said why; one subclass for each thing to do about it."""

    status: int
    code: ErrorCode

    def __init__(self, call: str, status: int, detail: ErrorDetail) -> None:
        super().__init__(call, detail.message, status=status, code=detail.code)
        self.details = detail.details


class InvalidRequestError(RefusedCallError):
    """The request is wrong and stays so: 400, 413, 422."""


class UnauthorizedError(RefusedCallError):
    """The token is missing or wrong: 401."""


class NotFoundError(RefusedCallError):
    """No such task, step or template; `details["nearest"]` may have names that exist: 404."""


class ConflictError(RefusedCallError):
    """The state of things forbids it, such as a task that has ended: 409."""


class UnavailableError(RefusedCallError):
    """The engine takes no more at present; the call had no effect: 503."""

    retry_after: float | None = None
    """Seconds after which to call again."""


class UnexpectedAnswerError(ApiError):
    """The answer is not one of the API: something else listens there, or it is of another version.

    `body` is the answer's text.
    """

    def __init__(self, call: str, status: int, reason: str, body: str, over: str = "") -> None:
        shown = " ".join(body[:200].split())
        hint = over or "is this URL an engine's?"
        super().__init__(
            call, f"an answer that is not the API's ({reason}): {shown!r}; {hint}", status=status
        )
        self.reason = reason
        self.body = body


class ConnectionLostError(ApiError):
    """There was no whole answer. Whether a call that changes something did so is not known."""

    timed_out = False
    """Whether that is because the answer took too long."""


class NotConnectedError(ConnectionLostError):
    """No engine could be reached: the call was not sent."""


class StillRunningError(TaskerError, TimeoutError):
    """The task has neither ended nor is it blocked; `task` is how it stands."""

    def __init__(self, task: Task, seconds: float) -> None:
        waiting = "; ".join(task.waiting_on)
        super().__init__(
            f"task {task.task_uuid} is still {task.status} after {seconds:g} s"
            + (f": {waiting}" if waiting else "")
        )
        self.task = task


_BY_STATUS: dict[int, type[RefusedCallError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    503: UnavailableError,
}


def refusal(
    call: str, status: int, detail: ErrorDetail, retry_after: float | None
) -> RefusedCallError:
    """The error for an answer of the API that is none."""
    error = _BY_STATUS.get(status, RefusedCallError)(call, status, detail)
    if isinstance(error, UnavailableError):
        error.retry_after = retry_after
    return error
