"""`import tasker_core` is quick, and what the client is made of is not part of it."""

import subprocess
import sys

MILLISECONDS = 150

SCRIPT = """
import sys, time
begun = time.perf_counter()
import tasker_core
print((time.perf_counter() - begun) * 1000)
for module in ("errors", "types", "step_handler", "registry", "worker", "testing"):
    __import__("tasker_core." + module)
print([name for name in ("httpx", "tasker_core.client", "typer", "rich") if name in sys.modules])
"""


def test_the_package_is_imported_quickly_and_without_the_client() -> None:
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
