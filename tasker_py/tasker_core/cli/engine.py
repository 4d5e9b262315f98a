"""Which engine a command asks, and how long it puts up with none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from tasker_core import __version__
from tasker_core.cli.exits import OldEngineError, told_errors
from tasker_core.client import ErrorCode, NotFoundError, TaskerClient

RETRY_SECONDS = 1.0
"""Of pauses. Somebody who typed a command is to be told soon; a task is followed for longer."""

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="TASKER_URL", help="The engine's.", show_default="http://127.0.0.1:8080"
    ),
]
Token = Annotated[
    str | None, typer.Option("--token", envvar="TASKER_TOKEN", help="What the engine asks for.")
]


@contextmanager
def engine(url: str | None, token: str | None) -> Iterator[TaskerClient]:
    """A client for a command, whose errors end it."""
    with told_errors(), TaskerClient(url, token, retry_seconds=RETRY_SECONDS) as client:
        try:
            yield client
        except NotFoundError as error:
            # The client asks for nothing but what an engine of its own version has.
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            raise OldEngineError(
                f"{error}: the engine is older than this command, which needs one of version "
                f"{__version__} or later; upgrade the engine, or use the command of its version. "
                "A URL with a path that is not the engine's is answered so, too"
            ) from None


def patient(client: TaskerClient) -> TaskerClient:
    """A client of the same engine that outlasts its restart."""
    urls = ",".join(endpoint.url for endpoint in client.endpoints)
    return TaskerClient(urls, client.endpoints[0].token)
