"""Which engine a command asks, and how long it puts up with none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from tasker_core.cli.exits import told_errors
from tasker_core.client import TaskerClient

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
        yield client


def patient(client: TaskerClient) -> TaskerClient:
    """A client of the same engine that outlasts its restart."""
    urls = ",".join(endpoint.url for endpoint in client.endpoints)
    return TaskerClient(urls, client.endpoints[0].token)
