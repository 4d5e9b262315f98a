"""How a command ends: the exit codes, and errors as one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from tasker_core.client import (
    ConnectionLostError,
    RefusedCallError,
    StillRunningError,
    UnexpectedAnswerError,
)
from tasker_core.errors import ConfigurationError, SerializationError, TaskerError
from tasker_core.serialization import utf8_text


class ExitCode(IntEnum):
    """What a command's end means; docs/python/command_line.md has the same table."""

    OK = 0
    NO_SUCCESS = 1
    USAGE = 2
    REFUSED = 3
    NO_ENGINE = 4
    INTERRUPTED = 130


EPILOG = (
    "Exit codes: 0 done; 1 the task did not succeed, the check found problems, or a change breaks "
    "something; 2 wrong usage; 3 the engine refuses; 4 no engine can be reached; 130 Ctrl-C."
)


class NotThereError(TaskerError):
    """What is named is not there; the message says what is."""


class OldEngineError(TaskerError):
    """The engine does not know the call that a command needs; the message says what to do."""


# The first that fits counts.
_CODES: tuple[tuple[type[TaskerError], ExitCode], ...] = (
    (RefusedCallError, ExitCode.REFUSED),
    (NotThereError, ExitCode.REFUSED),
    (OldEngineError, ExitCode.REFUSED),
    (ConnectionLostError, ExitCode.NO_ENGINE),
    (UnexpectedAnswerError, ExitCode.NO_ENGINE),
    (ConfigurationError, ExitCode.USAGE),
    (SerializationError, ExitCode.USAGE),
    (StillRunningError, ExitCode.NO_SUCCESS),
    (TaskerError, ExitCode.NO_SUCCESS),
)


@contextmanager
def told_errors() -> Iterator[None]:
    """Ends the command with a line on stderr, and its exit code, for whatever Tasker raises."""
    try:
        yield
    except TaskerError as error:
        typer.echo("tasker: " + utf8_text(" ".join(str(error).split())), err=True)
        raise typer.Exit(next(code for kind, code in _CODES if isinstance(error, kind))) from None
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
