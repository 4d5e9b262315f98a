"""`import tasker_core` is quick, and what the client and models are made of is not part of it."""

import subprocess
import sys

MILLISECONDS = 150

SCRIPT = """
import sys, time
begun = time.perf_counter()
import tasker_core
print((time.perf_counter() - begun) * 1000)
modules = ("errors", "types", "step_handler", "task_handler", "registry", "worker", "testing")
for module in modules:
    __import__("tasker_core." + module)
others = ("httpx", "pydantic", "tasker_core.client", "typer", "rich")
print([name for name in others if name in sys.modules])
"""


def test_the_package_is_imported_quickly_without_client_and_pydantic() -> None:
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    taken, imported = told.stdout.splitlines()
    assert float(taken) <= MILLISECONDS
    assert imported == "[]"
