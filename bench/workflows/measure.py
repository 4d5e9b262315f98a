"""Measures how long the checks of many workflows take: measure.py [--count N] [--bazel PROGRAM].

Makes a workspace of that many workflows, which loads this checkout as another repository would, and
builds it with caches of its own. Each workflow has six steps, with a decision, a batch and typed
handlers.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = """\
workspace(name = "many")

local_repository(name = "tasker", path = "{root}")

load("@tasker//:repositories.bzl", "tasker_repositories")

tasker_repositories()

load("@tasker//:setup.bzl", "tasker_setup")

tasker_setup()

load("@tasker_pip//:requirements.bzl", "install_deps")

install_deps()
"""
BUILD = """\
load("@tasker//:defs.bzl", "tasker_workflow")

tasker_workflow(
    name = "{name}",
    handlers = ["{name}.py"],
    templates = ["{name}.yaml"],
    deps = ["@tasker_pip_pydantic//:pkg"],
)
"""
TEMPLATE = """\
name: {name}
namespace_name: many
version: 1.0.0
steps:
  - {{name: price, handler: {{callable: {name}.Price}}}}
  - {{name: charge, dependencies: [price], handler: {{callable: {name}.Charge}}}}
  - {{name: route, type: decision, dependencies: [charge], handler: {{callable: {name}.Route}}}}
  - {{name: pack, dependencies: [route], handler: {{callable: {name}.pack}}}}
  - {{name: split, type: batchable, dependencies: [charge], handler: {{callable: {name}.Split}}}}
  - name: work
    type: batch_worker
    dependencies: [split]
    batch_config: {{batch_size: 10}}
    handler: {{callable: {name}.Work}}
"""
HANDLERS = """\
from pydantic import BaseModel

from tasker_core.step_handler import (
    BatchableHandler,
    BatchWorkerHandler,
    DecisionHandler,
    TypedStepHandler,
    step_handler,
)


class Order(BaseModel):
    item: str


class Priced(BaseModel):
    total: int


class Paid(BaseModel):
    payment: str


class Price(TypedStepHandler[Order, Priced]):
    def run(self, context, step) -> Priced:
        return Priced(total=20)


class Charge(TypedStepHandler[Order, Paid]):
    def run(self, context, step, price: Priced) -> Paid:
        return Paid(payment=f"PAY-{{price.total}}")


class Route(DecisionHandler):
    def call(self, task, sequence, step):
        return self.create_steps(["pack"])


@step_handler("{name}.pack")
def pack(task, sequence, step):
    return {{}}


class Split(BatchableHandler):
    def call(self, task, sequence, step):
        return self.create_batches(total_items=100)


class Work(BatchWorkerHandler):
    def call(self, task, sequence, step):
        return {{"count": step.cursor.end}}
"""


def main() -> None:
    """Prints seconds of each build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many workflows")
    parser.add_argument("--bazel", default="bazel", help="Bazel 7.7.1")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="many-") as folder:
        workspace = Path(folder, "workspace")
        make(workspace, arguments.count)
        bazel = [arguments.bazel, f"--output_user_root={folder}/output"]
        try:
            measure(workspace, bazel)
        finally:
            run(workspace, [*bazel, "shutdown"])
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)


def make(workspace: Path, count: int) -> None:
    """Writes the workspace."""
    workspace.mkdir()
    (workspace / "WORKSPACE").write_text(WORKSPACE.format(root=ROOT))
    (workspace / ".bazelrc").write_text((ROOT / "tasker.bazelrc").read_text())
    for index in range(count):
        name = f"order_{index:03}"
        package = workspace / name
        package.mkdir()
        for file, text in (("BUILD.bazel", BUILD), (f"{name}.yaml", TEMPLATE)):
            (package / file).write_text(text.format(name=name))
        (package / f"{name}.py").write_text(HANDLERS.format(name=name))


def measure(workspace: Path, bazel: list[str]) -> None:
    """Builds once for each figure."""
    tools = ["@tasker//tools/workflow/template_check", "@tasker//tools/workflow:check_handlers"]
    run(workspace, [*bazel, "build", *tools])
    run(workspace, [*bazel, "build", "--nobuild", "//..."])
    # Nothing of the workflows themselves may come from a cache.
    cold = ["build", "--disk_cache=", "//..."]
    alone = ["--norun_validations", "--output_groups=templates"]
    timed("templates alone, cold", workspace, [*bazel, *cold, *alone])
    timed("with their handlers, cold", workspace, [*bazel, *cold])
    timed("nothing changed", workspace, [*bazel, *cold])
    handlers = workspace / "order_000/order_000.py"
    handlers.write_text(handlers.read_text() + "\n# changed\n")
    timed("one changed", workspace, [*bazel, *cold])
    template = workspace / "order_001/order_001.yaml"
    template.write_text(template.read_text().replace("order_001.Price", "order_001.Prize"))
    timed("a mistake told", workspace, [*bazel, *cold], status=1)


def timed(what: str, workspace: Path, command: list[str], status: int = 0) -> None:
    """Runs a build that ends with the status, and prints how long it took."""
    begun = time.monotonic()
    run(workspace, command, status)
    print(f"{what}: {time.monotonic() - begun:.2f} s", flush=True)


def run(workspace: Path, command: list[str], status: int = 0) -> None:
    """Runs a command in the workspace; what it says is shown when it ends otherwise."""
    result = subprocess.run(command, cwd=workspace, check=False, capture_output=True, text=True)
    if result.returncode != status:
        raise SystemExit(f"{' '.join(command)} ended with {result.returncode}:\n{result.stderr}")


if __name__ == "__main__":
    main()
