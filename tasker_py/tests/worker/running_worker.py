"""A worker as a process: what it says, on its page and in its log, and how it ends."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

TEMPLATE = """
name: orders
namespace_name: shop
version: 1.0.0
steps:
  - name: charge
    handler: {{callable: {callable}}}
"""
HANDLER = """
from tasker_core.step_handler import StepHandlerBase

class Charge(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
"""


class Worker:
    def __init__(self, *args: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tasker_core.worker", *args],
            env={
                **{name: value for name, value in os.environ.items() if "TASKER" not in name},
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TASKER_URL": "http://127.0.0.1:9",
                "TASKER_BIND": "127.0.0.1:0",
                **environ,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = ""
        self.url = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads the log until a line matches."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} is not in the log:\n{self.log}")

    def health(self, pattern: str = r"health on (http://\S+)/health") -> tuple[int, list[str]]:
        """Once it has said, in words like these, where its page is."""
        self.url = self.wait_for(pattern)[1]
        status, body = self.get("/health")
        return status, json.loads(body)["reasons"]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def end(self) -> int:
        _, rest = self.process.communicate(timeout=20)
        self.log += rest
        return self.process.returncode


def paths(shop: Path) -> dict[str, str]:
    return {
        "TASKER_TEMPLATE_PATH": str(shop / "templates"),
        "TASKER_HANDLER_PATH": str(shop / "handlers"),
    }
