"""What the clients do, without doing it: generators that ask for calls and pauses.

A client carries out what a flow asks for, and gives it what came of it; so the synchronous and the
asynchronous one decide alike.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from tasker_core.client import operations
from tasker_core.client.call import Answer, Call, read
from tasker_core.client.errors import ApiError, ConnectionLostError, StillRunningError
from tasker_core.client.models import Step, Task
from tasker_core.client.operations import TaskId
from tasker_core.client.retry import Pauses

LONGEST_WAIT_SECONDS = 300.0
"""What the engine waits in one call at the most."""

T = TypeVar("T")


@dataclass(frozen=True)
class Pause:
    """Nothing is to be done for a while."""

    seconds: float


Reply = Answer | ConnectionLostError | None
"""What came of a call; None of a pause."""

Flow = Generator[Call[Any] | Pause, Reply, T]


@dataclass(frozen=True, kw_only=True)
class Flows:
    """The flows of a client, with its clock and its chance."""

    retry_seconds: float
    clock: Callable[[], float]
    random: Callable[[], float]

    def pauses(self) -> Pauses:
        """The pauses of one call."""
        return Pauses(self.random, self.retry_seconds)

    def call(self, call: Call[T]) -> Flow[T]:
        """The answer, after as many attempts as are safe and within the limit."""
        pauses = self.pauses()
        while True:
            reply = yield call
            try:
                return answer(call, reply)
            except ApiError as error:
                pause = pauses.after(error, repeatable=call.repeatable) if call.retried else None
                if pause is None:
                    raise
            yield Pause(pause)

    def wait(self, task_uuid: TaskId, timeout: float | None) -> Flow[Task]:
        """The task when it has ended or is blocked. StillRunningError after `timeout` seconds."""
        begun = self.clock()
        while True:
            left = LONGEST_WAIT_SECONDS
            if timeout is not None:
                left = max(0.0, min(left, begun + timeout - self.clock()))
            task = yield from self.call(operations.get_task(task_uuid, left))
            if task.status.is_settled:
                return task
            if timeout is not None and self.clock() >= begun + timeout:
                raise StillRunningError(task, timeout)

    def steps(self, task_uuid: TaskId) -> Flow[list[Step]]:
        """Every step of the task, in creation order."""
        steps: list[Step] = []
        cursor: str | None = None
        while True:
            page = yield from self.call(operations.list_steps(task_uuid, cursor))
            steps.extend(page.steps)
            cursor = page.next_cursor
            if cursor is None:
                return steps

    def answers_well(self, call: Call[Any]) -> Flow[bool]:
        """Whether there is an answer, and it is a success."""
        reply = yield call
        return isinstance(reply, Answer) and reply.status in call.answers


def answer(call: Call[T], reply: Reply) -> T:
    """What a reply to the call says. The subclass of ApiError for one that says nothing."""
    if isinstance(reply, Answer):
        return read(call, reply)
    raise reply if reply is not None else AssertionError("a call is not answered by a pause")
