"""Values of options and arguments that are more than a word."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from tasker_core.client import JsonText
from tasker_core.client.call import decode


def json_text(value: str, option: str) -> JsonText:
    """A JSON text, or that of a file with `@FILE`, or of standard input with `@-`."""
    text = value
    if value.startswith("@"):
        try:
            text = sys.stdin.read() if value == "@-" else Path(value[1:]).read_text("utf-8")
        except OSError as error:
            reason = f"{value[1:]} cannot be read: {error.strerror}"
            raise typer.BadParameter(reason, param_hint=option) from None
        except UnicodeDecodeError as error:
            reason = f"{value[1:]} is not UTF-8: {error.reason} at byte {error.start}"
            raise typer.BadParameter(reason, param_hint=option) from None
    _require_json(text, option)
    return JsonText(text)


def json_value(value: str, option: str) -> Any:
    """The value of such a text."""
    return decode(json_text(value, option).text)


def workflow(value: str, option: str) -> tuple[str, str]:
    """Namespace and name of a template."""
    namespace, _, name = value.partition("/")
    if not (namespace and name) or "/" in name:
        raise typer.BadParameter(f"{value!r} is not NAMESPACE/NAME", param_hint=option)
    return namespace, name


def moment(value: str | None, option: str) -> datetime | None:
    """A time; without a zone it is one of this machine's."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone()
    except (ValueError, OverflowError):
        reason = f"{value!r} is not a time such as 2026-01-05 or 2026-01-05T09:30:00Z"
        raise typer.BadParameter(reason, param_hint=option) from None


def _require_json(text: str, option: str) -> None:
    try:
        decode(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=option) from None
