"""The native module: the worker's session with the engine, over the C ABI of `crates/ffi/tasker.h`.

Every call may come from any thread. Those that may take time release the GIL: the methods of
`Worker`, and the checks and comparisons of templates and splits of batches; `TestBench`,
`forked` and `version` keep it. Failures are the subclasses of `tasker_core.errors.NativeError`.
"""

from typing import final

@final
class Worker:
    """A worker's health page, from construction to `close`, and its session, once it has begun."""

    def __init__(self, options: str) -> None:
        """Opens the page; `options` is the JSON object that `tasker_worker_start` describes."""

    @property
    def opened(self) -> str:
        """What the opening gave: JSON with `address`."""

    def importing(self, module: str) -> None:
        """Says which module is imported from now on; the page names one that takes long."""

    def begin(self, imported: str) -> None:
        """Opens the session; `imported` is the object that `tasker_worker_begin` describes."""

    def next(self, timeout_ms: int) -> str:
        """Waits for messages, at most this long: a JSON array.

        Raises WorkerStoppedError after the last.
        """

    def complete(self, outcomes: bytes | str) -> None:
        """Hands over outcomes, a JSON array; they are kept until the engine has accepted them."""

    def fetch(self, request: bytes | str, timeout_ms: int) -> str:
        """A page of results that a dispatch names in `omitted`: the `fetched` message, JSON.

        `request` is the JSON object that `tasker_worker_fetch` describes. Waits, at most this long,
        for the answer: OperationFailedError after that, WorkerStoppedError once the worker left.
        """

    def observe(self, observation: str) -> None:
        """Takes a measurement for the metrics, a JSON object that `tasker_worker_observe` lists."""

    def set_slots(self, slots: int) -> None:
        """How many attempts the worker will hold from now on."""

    def add_problem(self, problem: str) -> None:
        """Adds a reason why the worker is not ready."""

    def drain(self, timeout_ms: int) -> None:
        """Takes no more attempts; `next` ends when none is held any more, or after this long."""

    def status(self) -> str:
        """JSON with `session`, `ready`, `reasons`, `problems` and `held`."""

    def close(self) -> None:
        """Stops without draining.

        Calls that wait raise WorkerStoppedError; so does any later one.
        """

@final
class TestBench:
    """A workbench for tests: an engine, a played worker and a clock that stands still."""

    def __init__(self, options: str) -> None:
        """Makes it; `options` is the JSON object that `tasker_test_new` describes.

        InvalidArgumentError with all problems of a template that is not valid.
        """

    @property
    def template(self) -> str:
        """What a test is to know of the template: JSON."""

    def call(self, command: bytes | str) -> str:
        """Carries out a command: a JSON array of messages, the clock last."""

def forked() -> None:
    """Closes, in a process that was forked from one with workers, its copies of their sockets."""

def template_check(text: bytes | str, file: str) -> str:
    """JSON with `namespace`, `name`, `version`, `callables`, `handlers`, `steps`, `document`.

    And with `task_handler` if any.

    InvalidArgumentError with all problems of the template.
    """

def templates_check(files: bytes | str) -> str:
    """Templates checked by themselves and together: a JSON array.

    It has for each of `files`, a JSON array of `{"file", "text"}`, what `template_check` tells, or
    its `problems`.
    """

def templates_compare(templates: bytes | str) -> str:
    """What changes from the templates of `old` to those of `new`: JSON.

    `templates` and what comes back are the JSON objects that `tasker_templates_compare` describes.
    InvalidArgumentError with all problems of templates that are not valid.
    """

def batches_split(request: bytes | str) -> str:
    """The cursors of batches: a JSON array of `{"start", "end"}`.

    `request` is the JSON object that `tasker_batches_split` describes. InvalidArgumentError names
    the field that is wrong.
    """

def version() -> str:
    """The version of the native library."""
