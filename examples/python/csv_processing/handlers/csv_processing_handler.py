"""The workflow's typed face: its context, its results, and how its tasks are started."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase


class CsvFile(BaseModel):
    """Which file is looked at; its path is below the folder that the worker serves."""

    csv_file_path: str
    analysis_mode: Literal["inventory"] = "inventory"


class ProductInventory(BaseModel):
    """What aggregate_csv_results returns; prices and values are decimal strings in JSON."""

    total_processed: int
    worker_count: int
    total_inventory_value: Decimal
    max_price: Decimal | None
    max_price_product: str | None
    category_counts: dict[str, int]


class CsvProcessingResults(BaseModel):
    """What the last step returns."""

    aggregate_csv_results: ProductInventory


class CsvProcessingHandler(TaskHandlerBase[CsvFile, CsvProcessingResults]):
    """Takes stock of the products in a CSV file."""

    namespace = "csv_processing_py"
    name = "csv_product_inventory_analyzer_py"
    version = "1.0.0"
