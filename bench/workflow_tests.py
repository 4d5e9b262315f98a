"""How long tests of workflows take, without an engine and a database. Prints a JSON object.

`tools/bazel run //bench:workflow_tests`: everything in it is built optimised.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tasker_core.errors import RetryableError
from tasker_core.testing import WorkflowTest, check_idempotency
from tasker_core.types import Sequence, Step, Task

# Where Bazel lays out this program and what it needs; in a source tree the same.
FILES = Path(__file__).absolute().parents[1]
LINEAR = FILES / "fixtures/task_templates/python/linear_workflow_py.yaml"
MONTH_MS = 30 * 24 * 3600 * 1000
MONTHLY = f"""
name: monthly
namespace_name: bench
version: 1.0.0
steps:
  - name: poll
    handler: {{callable: bench.poll}}
    retry: {{max_attempts: 3, backoff: linear, backoff_base_ms: {MONTH_MS},
             max_backoff_ms: {MONTH_MS}}}
"""
ROUNDS = 2000


def poll(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    """Succeeds a month later."""
    if step.attempt == 1:
        raise RetryableError("not yet")
    return {}


def linear() -> None:
    """A test of the linear example, its template read and its handlers found."""
    result = WorkflowTest(LINEAR).run({"even_number": 6})
    assert result["linear_step_4"].results == {"result": 69}


def month() -> None:
    """A test of a step that waits for 30 days between two attempts."""
    result = WorkflowTest(MONTHLY, {"poll": poll}).run({})
    assert result["poll"].attempts == 2


def idempotency() -> None:
    """All disturbances of the linear example."""
    assert check_idempotency(LINEAR, {"even_number": 6}).runs == 28


def measure(test: Callable[[], None], rounds: int) -> dict[str, float]:
    """Milliseconds of a run: median and 99th percentile; runs a second."""
    for _ in range(rounds // 20):
        test()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        test()
        times.append(time.perf_counter() - start)
    return {
        "p50_ms": round(median(times) * 1000, 3),
        "p99_ms": round(quantiles(times, n=100)[98] * 1000, 3),
        "a_second": round(len(times) / sum(times)),
    }


def main() -> None:
    """Measures each on one core, one after another."""
    figures = {
        "linear workflow": measure(linear, ROUNDS),
        "back-off of 30 days": measure(month, ROUNDS),
        "idempotency check of the linear workflow": measure(idempotency, ROUNDS // 20),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
