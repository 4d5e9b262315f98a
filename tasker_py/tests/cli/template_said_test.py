"""What `tasker template` says of a version that something was done to."""

import pytest

from tasker_core.cli import template
from tasker_core.client import ConnectionLostError, TaskerClient, Template

DONE = Template.model_validate(
    {
        "namespace": "shop",
        "name": "order",
        "version": "1.0.0",
        "description": None,
        "tags": [],
        "document_hash": "",
        "template_hash": "",
        "on_failure": "block",
        "max_duration_ms": None,
        "steps": [],
    }
)


class Lost(TaskerClient):
    def template(self, namespace: str, name: str, version: str | None = None) -> Template:
        raise ConnectionLostError("GET /v1", "it is away")


def test_what_was_done_is_told_though_no_more_can_be_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Lost("http://127.0.0.1:9") as client:
        template._say(client, DONE, "is the default", as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "shop/order 1.0.0 is the default",
        "which version tasks take that name none is not known: GET /v1: it is away",
    ]
