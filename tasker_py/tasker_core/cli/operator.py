"""Who acts on steps and templates, and why: it is kept with what was done."""

import getpass
import os
from typing import Annotated

import typer


def login() -> str:
    """The name that whoever runs the command is logged in by, or the user's number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container's user need not have a name.
        return f"uid {os.getuid()}"


Reason = Annotated[str, typer.Option(help="Why; it is kept with what you do.")]
By = Annotated[
    str,
    typer.Option(
        default_factory=login, help="Who; it is kept with what you do.", show_default="your login"
    ),
]
