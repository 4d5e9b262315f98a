"""The whole workflow, in the test's own process, on the fixture and on files without products."""

import csv
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from csv_processing.handlers import CsvProcessingHandler

from tasker_core.testing import WorkflowTest, check_idempotency

DATA = Path("fixtures/data")


@pytest.fixture(autouse=True)
def _served_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the fixtures, which may be links to somewhere else."""
    for name in ("products.csv", "products_empty.csv"):
        shutil.copy(DATA / name, tmp_path / name)
    monkeypatch.setenv("TASKER_FIXTURE_PATH", str(tmp_path))


def context(path: str) -> dict[str, Any]:
    return {"csv_file_path": path, "analysis_mode": "inventory"}


def test_five_batches_add_up_to_one_pass_over_the_file() -> None:
    result = WorkflowTest(CsvProcessingHandler).run(context("products.csv"))
    assert result.status == "complete"
    names = [f"process_csv_batch_{number:03}" for number in range(1, 6)]
    assert list(result.steps) == ["analyze_csv", *names, "aggregate_csv_results"]
    assert [result[name].metadata["start"] for name in names] == [0, 200, 400, 600, 800]
    assert [result[name].metadata["end"] for name in names] == [200, 400, 600, 800, 1000]

    with (DATA / "products.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    dearest = max(rows, key=lambda row: (Decimal(row["price"]), -int(row["id"])))
    assert result["aggregate_csv_results"].results == {
        "total_processed": 1000,
        "worker_count": 5,
        "total_inventory_value": str(
            sum(Decimal(row["price"]) * int(row["stock"]) for row in rows)
        ),
        "max_price": dearest["price"],
        "max_price_product": dearest["title"],
        "category_counts": Counter(row["category"] for row in rows),
    }


def test_a_file_without_products_has_no_batches() -> None:
    result = WorkflowTest(CsvProcessingHandler).run(context("products_empty.csv"))
    assert result.status == "complete"
    assert list(result.steps) == ["analyze_csv", "aggregate_csv_results"]
    assert result["aggregate_csv_results"].results["total_processed"] == 0


def test_a_missing_file_blocks_the_task_at_its_first_step() -> None:
    result = WorkflowTest(CsvProcessingHandler).run(context("missing.csv"))
    assert result.status == "blocked_by_failures"
    assert list(result.steps) == ["analyze_csv"]
    step = result["analyze_csv"]
    assert (step.state, step.attempts) == ("error", 1)
    assert step.error is not None
    assert step.error.error_code == "FILE_NOT_FOUND"


def test_whatever_happens_to_an_attempt_the_inventory_is_the_same() -> None:
    report = check_idempotency(CsvProcessingHandler, context("products.csv"))
    assert report.runs >= 3
    assert report.not_compared == ()
