"""A process that a handler forks does not act as the worker; what the worker runs is unharmed."""

import subprocess
import sys
import textwrap

import pytest

# A worker without a network: two attempts, of a handler that forks and of one that waits meanwhile.
PROGRAM = """
import asyncio, json, os, queue, sys
from tasker_core.errors import WorkerStoppedError
from tasker_core.executor import Executor
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase

class Session:
    messages = queue.Queue()
    left = 2
    def next(self, timeout_ms):
        message = self.messages.get()
        if message is None:
            raise WorkerStoppedError("stopped")
        return message
    def complete(self, outcomes):
        for outcome in json.loads(outcomes):
            os.write(1, (json.dumps([os.getpid() == worker, outcome["results"]]) + "\\n").encode())
            self.left -= 1
        if self.left == 0:
            self.messages.put(None)
    def set_slots(self, slots): pass
    def observe(self, observation): pass

class Other(StepHandlerBase):
    async def call(self, task, sequence, step):
        for _ in range(100):
            await asyncio.sleep(0)
        return {"handler": "other"}

HANDLER

worker = os.getpid()
registry = HandlerRegistry()
registry.register("Forking", Forking)
registry.register("Other", Other)
Session.messages.put(json.dumps([
    {"dispatch": {"task_uuid": "t", "step_uuid": name, "attempt": 1, "max_attempts": 1,
     "namespace": "n", "name": "w", "version": "1.0.0", "step_name": name, "callable": name,
     "method": "call", "idempotency_key": "k", "context": {}}}
    for name in ("Other", "Forking")
]))
Executor(Session(), registry, 8).run()
"""


def run(handler: str) -> tuple[list[str], str]:
    """What the worker sent, and what was written to stderr."""
    program = PROGRAM.replace("HANDLER", textwrap.dedent(handler))
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return sorted(ended.stdout.splitlines()), ended.stderr


@pytest.mark.parametrize("prefix", ["", "async "])
@pytest.mark.parametrize("leave", ["pass", "sys.exit(0)", "raise ValueError('in the child')"])
def test_a_forked_process_that_comes_back_is_ended_with_a_message(prefix: str, leave: str) -> None:
    sent, said = run(
        f"""
        class Forking(StepHandlerBase):
            {prefix}def call(self, task, sequence, step):
                child = os.fork()
                if child == 0:
                    {leave}
                    return {{"handler": "child"}}
                _, status = os.waitpid(child, 0)
                return {{"child": os.waitstatus_to_exitcode(status)}}
        """
    )
    assert sent == ['[true, {"child": 70}]', '[true, {"handler": "other"}]']
    assert "by the handler Forking, and came back from it: it ends here" in said
    assert 'multiprocessing.get_context("spawn")' in said


def test_a_forked_process_that_awaits_runs_no_other_handler() -> None:
    sent, said = run(
        """
        class Forking(StepHandlerBase):
            async def call(self, task, sequence, step):
                child = os.fork()
                if child == 0:
                    await asyncio.sleep(0)
                    return {"handler": "child"}
                _, status = os.waitpid(child, 0)
                return {"child": os.waitstatus_to_exitcode(status)}
        """
    )
    assert sent == ['[true, {"child": 70}]', '[true, {"handler": "other"}]']
    assert "it ends here" in said


def test_a_forked_process_that_ends_by_itself_is_no_matter() -> None:
    sent, said = run(
        """
        import multiprocessing

        def work():
            os._exit(7)

        class Forking(StepHandlerBase):
            def call(self, task, sequence, step):
                process = multiprocessing.get_context("fork").Process(target=work)
                process.start()
                process.join()
                return {"child": process.exitcode}
        """
    )
    assert sent == ['[true, {"child": 7}]', '[true, {"handler": "other"}]']
    assert "it ends here" not in said
