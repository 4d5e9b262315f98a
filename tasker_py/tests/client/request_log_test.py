"""The requests of clients within a worker are no lines of its log."""

import io
import json
import logging

import httpx
import pytest

from tasker_core import capture, logs
from tasker_core.own_logger import OwnLogger


@pytest.mark.parametrize(("level", "requests"), [("INFO", 0), ("DEBUG", 1)])
def test_httpx_tells_of_requests_at_debug_only(level: str, requests: int) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(level, "json", stream)
    try:
        transport = httpx.MockTransport(lambda request: httpx.Response(204))
        with httpx.Client(transport=transport) as client:
            client.get("http://engine/health")
        logging.getLogger("httpx").warning("a warning")
    finally:
        capture.uninstall()
        logs.unbind_attempts()
        root.handlers[:], root.level = before
        OwnLogger.process_log = None
        for name in ("tasker_core", "httpx"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    messages = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert "a warning" in messages
    told = [
        message for message in messages if message.startswith("HTTP Request: GET http://engine")
    ]
    assert len(told) == requests
