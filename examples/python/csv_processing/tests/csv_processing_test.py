"""Paths that are served and refused, cursors, sums of batches, and their sum."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from csv_processing.products import products_file, read_products
from csv_processing.step_handlers import (
    AggregateCsvResultsHandler,
    AnalyzeCsvHandler,
    ProcessCsvBatchHandler,
)

from tasker_core.errors import PermanentError
from tasker_core.types import BatchConfig, Cursor, Sequence, Step, StepHandlerCallResult, Task

HEADER = "id,title,category,price,stock,rating\n"
ROWS = (
    "1,Lamp,furniture,10.50,2,4.0\n"
    "2,Kettle,kitchen,99.99,0,3.5\n"
    '3,"Tray, round",kitchen,0.05,3,1.0\n'
    "4,Drill,tools,99.99,1,5.0\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the worker serves, with products in it and a file beside it."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "products.csv").write_text(HEADER + ROWS)
    (tmp_path / "secret.csv").write_text(HEADER)
    monkeypatch.setenv("TASKER_FIXTURE_PATH", str(served))
    return served


def analyze(path: str, **context: Any) -> StepHandlerCallResult:
    handler = AnalyzeCsvHandler()
    handler.batch_config = BatchConfig(batch_size=2, max_workers=5)
    task = Task(context={"csv_file_path": path, **context})
    return handler.call(task, Sequence(), Step(step_name="analyze_csv"))


def process(start: int, end: int) -> StepHandlerCallResult:
    cursor = Cursor(start, end, batch_id="001")
    step = Step(step_name="process_csv_batch_001", cursor=cursor)
    task = Task(context={"csv_file_path": "products.csv"})
    return ProcessCsvBatchHandler().call(task, Sequence(), step)


def aggregate(*batches: Any) -> Any:
    sequence = Sequence(batches={"process_csv_batch": list(batches)})
    step = Step(step_name="aggregate_csv_results")
    return AggregateCsvResultsHandler().call(Task(context={}), sequence, step).results


def test_the_products_are_split_as_the_template_says(folder: Path) -> None:
    result = analyze("products.csv")
    assert result.results == {"total_items": 4, "batch_count": 2}
    assert result.batches == ({"start": 0, "end": 2}, {"start": 2, "end": 4})


def test_a_file_with_nothing_but_a_header_has_no_batches(folder: Path) -> None:
    (folder / "empty.csv").write_text(HEADER)
    result = analyze("empty.csv", analysis_mode="inventory")
    assert result.results == {"total_items": 0, "batch_count": 0}
    assert result.batches == ()


def test_a_path_below_the_folder_is_served_as_it_is(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "link.csv").symlink_to(folder / "products.csv")
    for path in ("products.csv", str(folder / "products.csv"), "below/../below/link.csv"):
        assert products_file({"csv_file_path": path}) == folder / "products.csv"


@pytest.mark.parametrize(
    "path",
    ["../secret.csv", "{outside}/secret.csv", "link.csv", "linked/secret.csv", "/etc/passwd"],
)
def test_a_path_outside_the_folder_is_refused(folder: Path, path: str) -> None:
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")
    (folder / "linked").symlink_to(folder.parent)
    with pytest.raises(PermanentError, match="outside the folder") as raised:
        analyze(path.format(outside=folder.parent))
    assert raised.value.error_code == "PATH_REFUSED"


def test_a_worker_that_was_told_no_folder_serves_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASKER_FIXTURE_PATH")
    with pytest.raises(PermanentError, match="TASKER_FIXTURE_PATH is not set") as raised:
        analyze(str(folder / "products.csv"))
    assert raised.value.error_code == "PATH_REFUSED"


@pytest.mark.parametrize(
    ("context", "code", "message"),
    [
        ({}, "MISSING_FIELD", "csv_file_path is missing from the context {}"),
        (None, "MISSING_FIELD", "csv_file_path is missing from the context None"),
        ({"csv_file_path": 7}, "INVALID_FIELD", "csv_file_path must be a path, not 7"),
        ({"csv_file_path": "a\0b"}, "INVALID_FIELD", "csv_file_path must be a path, not 'a\\x00b'"),
        (
            {"csv_file_path": "missing.csv"},
            "FILE_NOT_FOUND",
            "csv_file_path 'missing.csv': there is no such file",
        ),
        (
            {"csv_file_path": "products.csv", "analysis_mode": "prices"},
            "INVALID_FIELD",
            "analysis_mode must be one of inventory, not 'prices'",
        ),
    ],
)
def test_a_context_without_a_file_is_refused(
    folder: Path, context: Any, code: str, message: str
) -> None:
    with pytest.raises(PermanentError) as raised:
        AnalyzeCsvHandler().call(Task(context=context), Sequence(), Step(step_name="analyze_csv"))
    assert (raised.value.error_code, str(raised.value)) == (code, message)


def test_a_batch_adds_up_its_own_rows(folder: Path) -> None:
    assert process(2, 4) == StepHandlerCallResult.success(
        results={
            "processed_count": 2,
            "total_inventory_value": "100.14",
            "max_price": "99.99",
            "max_price_product": "Drill",
            "category_counts": {"kitchen": 1, "tools": 1},
        },
        metadata={"batch_id": "001", "start": 2, "end": 4},
    )


def test_a_row_that_is_no_product_is_named(folder: Path) -> None:
    (folder / "products.csv").write_text(HEADER + ROWS + "5,Rope,tools,cheap,1,2.0\n")
    with pytest.raises(PermanentError, match=r"line 6 is no product: .*cheap") as raised:
        process(4, 5)
    assert raised.value.error_code == "INVALID_ROW"


def test_the_sum_of_the_batches_is_that_of_the_file(folder: Path) -> None:
    assert aggregate(process(0, 2).results, process(2, 4).results) == {
        "total_processed": 4,
        "worker_count": 2,
        "total_inventory_value": "121.14",
        "max_price": "99.99",
        # Of two that cost the same the one with the lower id.
        "max_price_product": "Kettle",
        "category_counts": {"furniture": 1, "kitchen": 2, "tools": 1},
    }


def test_no_batches_add_up_to_nothing() -> None:
    assert aggregate() == {
        "total_processed": 0,
        "worker_count": 0,
        "total_inventory_value": "0.00",
        "max_price": None,
        "max_price_product": None,
        "category_counts": {},
    }


def test_every_row_of_the_fixture_is_a_product() -> None:
    products = list(read_products(Path("fixtures/data/products.csv"), 0, 10_000))
    assert [product.id for product in products] == list(range(1, 1001))
    assert max(product.price for product in products) == Decimal("999.99")
