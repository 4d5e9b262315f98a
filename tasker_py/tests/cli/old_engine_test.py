"""An engine that does not know a call yet is told from one that does not know what is asked for."""

import json
from pathlib import Path
from typing import Any

import pytest
from engine_samples import TASK
from serving import serving
from typer.testing import CliRunner

from tasker_core import __version__
from tasker_core.cli.app import app

TEMPLATE = """\
name: order
namespace_name: shop
version: 1.0.0
steps:
  - name: charge
    handler: {callable: shop.Charge}
"""


def not_found(code: str, message: str) -> bytes:
    body = json.dumps({"error": {"code": code, "message": message, "details": None}}).encode()
    head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def run(answer: bytes, *args: Any) -> tuple[int, str, str, bytes]:
    """The exit code, what is said, the engine's URL, and the line that it was asked."""
    with serving(answer) as (url, asked):
        done = CliRunner().invoke(app, [*map(str, args), "--url", url])
    assert done.stdout == ""
    (request,) = asked
    return done.exit_code, done.stderr, url, request.split(b"\r\n")[0]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "new.yaml"
    file.write_text(TEMPLATE)
    return file


def test_an_engine_without_the_call_is_too_old(template: Path) -> None:
    answer = not_found("NOT_FOUND", "there is no GET /v1/templates")
    code, said, url, asked = run(answer, "template", "diff", "--engine", template)
    assert (code, asked) == (3, b"GET /v1/templates HTTP/1.1")
    assert said == (
        f"tasker: GET {url}/v1/templates: 404 NOT_FOUND: there is no GET /v1/templates: the engine "
        f"is older than this command, which needs one of version {__version__} or later; upgrade "
        "the engine, or use the command of its version. A URL with a path that is not the "
        "engine's is answered so, too\n"
    )


def test_what_an_engine_does_not_have_says_nothing_of_its_age() -> None:
    message = f"there is no task {TASK}"
    code, said, url, asked = run(not_found("TASK_NOT_FOUND", message), "task", "show", TASK)
    assert (code, asked) == (3, f"GET /v1/tasks/{TASK} HTTP/1.1".encode())
    assert said == f"tasker: GET {url}/v1/tasks/{TASK}: 404 TASK_NOT_FOUND: {message}\n"
