"""What the clients do, without doing it: generators that ask for calls and pauses.

A client carries out what a flow asks for, and gives it what came of it; so the synchronous and the
asynchronous one decide alike.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from tasker_core.client import operations
from tasker_core.client.call import Answer, Call, read
from tasker_core.client.errors import ApiError, ConnectionLostError, StillRunningError
from tasker_core.client.models import Step, Task
from tasker_core.client.operations import TaskId
from tasker_core.client.retry import Pauses

LONGEST_WAIT_SECONDS = 25.0
"""What the engine is asked to wait in one call: less than proxies give an answer.

nginx gives 60 s, HAProxy as it is packaged 50 s, some load balancers 30 s.
"""
SHORTEST_WAIT_SECONDS = 1.0
_GATEWAY_TIMEOUT = 504

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
    addresses: int = 1
    """How many the client has."""

    def pauses(self) -> Pauses:
        """The pauses of one call."""
        return Pauses(self.random, self.retry_seconds, self.addresses)

    def call(self, call: Call[T]) -> Flow[T]:
        """The answer, after as many attempts as are safe and within the limit."""
        pauses = self.pauses()
        while True:
            reply = yield call
            try:
                return answer(call, reply)
            except ApiError as error:
                pause = pauses.after(error, repeatable=call.repeatable)
                # What is asked once is asked once of each address.
                if pause is None or (pause and not call.retried):
                    raise
            yield Pause(pause)

    def create(self, call: Call[Task], wait: float | None) -> Flow[Task]:
        """The task that the call creates.

        With `wait` when it has ended or is blocked, or as it is after so many seconds.
        """
        if wait is None:
            return (yield from self.call(call))
        begun = self.clock()
        # The answer alone has the task's uuid, and without a key a call that broke off is not made
        # again: then it comes at once. A time that is none is the engine's to refuse.
        seconds = min(wait, LONGEST_WAIT_SECONDS if call.repeatable else 0.0)
        task = yield from self.call(operations.waiting(call, seconds))
        if task.status.is_settled or self.clock() >= begun + wait:
            return task
        return (yield from self._settled(task.task_uuid, begun + wait))

    def task(self, task_uuid: TaskId, wait: float | None) -> Flow[Task]:
        """The task; with `wait` when it has ended or is blocked, or after so many seconds."""
        if wait is None or not wait > 0:
            return (yield from self.call(operations.get_task(task_uuid, wait)))
        return (yield from self._settled(task_uuid, self.clock() + wait))

    def wait(self, task_uuid: TaskId, timeout: float | None) -> Flow[Task]:
        """The task when it has ended or is blocked. StillRunningError after `timeout` seconds."""
        deadline = math.inf if timeout is None else self.clock() + timeout
        task = yield from self._settled(task_uuid, deadline)
        if timeout is not None and not task.status.is_settled:
            raise StillRunningError(task, timeout)
        return task

    def _settled(self, task_uuid: TaskId, deadline: float) -> Flow[Task]:
        """The task when it has ended or is blocked, or as it is at the deadline.

        Each call is made anew, so one that failed late does not put the deadline off.
        """
        longest = LONGEST_WAIT_SECONDS
        pauses = self.pauses()
        while True:
            left = max(0.0, min(longest, deadline - self.clock()))
            call = operations.get_task(task_uuid, left)
            reply = yield call
            try:
                task = answer(call, reply)
            except ApiError as error:
                pause = pauses.after(error, repeatable=True)
                if pause is None:
                    raise
                if error.status == _GATEWAY_TIMEOUT:
                    # A proxy that gives an answer less time than that.
                    longest = max(SHORTEST_WAIT_SECONDS, longest / 2)
                yield Pause(pause)
                continue
            if task.status.is_settled or self.clock() >= deadline:
                return task
            pauses = self.pauses()

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
        """Whether there is an answer, of any of the addresses, and it is a success."""
        for _ in range(self.addresses):
            reply = yield call
            if isinstance(reply, Answer) and reply.status in call.answers:
                return True
        return False


def answer(call: Call[T], reply: Reply) -> T:
    """What a reply to the call says. The subclass of ApiError for one that says nothing."""
    if isinstance(reply, Answer):
        return read(call, reply)
    raise reply if reply is not None else AssertionError("a call is not answered by a pause")
